import { type Clock, systemClock, type Timer } from '../../sidecar/core/clock.ts'

/**
 * The system's clock, with a monotonic time that a test puts forward. What is measured by it, as every bound of an
 * exchange and every ejection, is over at once; system timers (handshakes, back-off) and the wall clock go on as ever.
 */
export class LeapingClock implements Clock {
  #aheadMs = 0

  nowMs(): number {
    return systemClock.nowMs() + this.#aheadMs
  }

  wallMs(): number {
    return systemClock.wallMs()
  }

  after(delayMs: number, action: () => void, options?: { readonly background?: boolean }): Timer {
    return systemClock.after(delayMs, action, options)
  }

  /** Lets `ms` be over. Leaps of a minute and more also end connections that are idle. */
  leap(ms: number): void {
    this.#aheadMs += ms
  }
}
