import type { Clock } from '../../../sidecar/core/clock.ts'

/** How fast queries may follow each other. */
export interface PacePolicy {
  /** This many may follow at once. */
  readonly burstCount: number
  readonly perSecond: number
}

/** A token bucket that lets callers wait instead of refusing them. */
export class QueryPace {
  readonly #clock: Clock
  readonly #policy: PacePolicy
  #tokens: number
  #countedAtMs: number

  constructor(clock: Clock, policy: PacePolicy) {
    this.#clock = clock
    this.#policy = policy
    this.#tokens = policy.burstCount
    this.#countedAtMs = clock.nowMs()
  }

  /** Takes a token, on credit if need be; how long the caller has to wait before it goes on, ms. */
  take(): number {
    const nowMs = this.#clock.nowMs()
    const earned = ((nowMs - this.#countedAtMs) / 1_000) * this.#policy.perSecond
    this.#tokens = Math.min(this.#policy.burstCount, this.#tokens + earned) - 1
    this.#countedAtMs = nowMs
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#policy.perSecond) * 1_000
  }
}
