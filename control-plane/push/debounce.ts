import type { Clock, Timer } from '../../sidecar/core/clock.ts'

/** How long changes are gathered before they are acted on, ms. */
export interface DebouncePolicy {
  /** Quiet time that ends the gathering. */
  readonly quietMs: number
  /** The longest that the first change of a burst waits. */
  readonly maxMs: number
}

/** Turns bursts of changes into one action: after `quietMs` without a change, and at the latest `maxMs` after the first. */
export class Debounce {
  readonly #clock: Clock
  readonly #policy: DebouncePolicy
  readonly #action: () => void
  #timer: Timer | undefined
  #firstMs = 0

  constructor(clock: Clock, policy: DebouncePolicy, action: () => void) {
    this.#clock = clock
    this.#policy = policy
    this.#action = action
  }

  /** Something changed. */
  touch(): void {
    const nowMs = this.#clock.nowMs()
    if (this.#timer === undefined) this.#firstMs = nowMs
    this.#timer?.cancel()
    const leftMs = Math.max(0, this.#firstMs + this.#policy.maxMs - nowMs)
    this.#timer = this.#clock.after(Math.min(this.#policy.quietMs, leftMs), () => {
      this.#timer = undefined
      this.#action()
    })
  }

  /** Forgets a waiting change. */
  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
