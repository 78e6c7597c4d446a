import type { Clock, Timer } from '../../sidecar/core/clock.ts'

/** A clock whose hands a test turns. Timers fire while it is turned, in order. */
export class TurnedClock implements Clock {
  #nowMs: number
  #pending: { readonly atMs: number; readonly action: () => void }[] = []

  constructor(startMs = 0) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, action: () => void): Timer {
    const entry = { atMs: this.#nowMs + Math.max(0, delayMs), action }
    this.#pending.push(entry)
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== entry)
      },
    }
  }

  /** Lets `ms` pass. */
  turn(ms: number): void {
    const endMs = this.#nowMs + ms
    for (;;) {
      const [next] = this.#pending.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#pending = this.#pending.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.action()
    }
    this.#nowMs = endMs
  }
}
