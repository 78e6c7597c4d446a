import type { Clock } from '../core/clock.ts'
import type { TimerWheel, WheelEntry } from '../core/timer-wheel.ts'
import type { AttemptPlan } from '../decide/decision.ts'
import { deadlineMs, dueAtMs, type ExchangeTimes } from './exchange-deadline.ts'

/** An exchange as the keeper of its time: the moments that its bounds count from, and its place on the timer wheel. */
export abstract class TimedExchange implements WheelEntry, ExchangeTimes {
  readonly startMs: number
  askedMs: number
  /** Set by the lane with each decision to forward; its timeouts hold. */
  plan: AttemptPlan | undefined
  attempts = 0
  attemptStartMs = 0
  lastActivityMs: number
  wheelNext: WheelEntry | undefined
  wheelPrevious: WheelEntry | undefined
  wheelSlot = -1
  wheelRounds = 0
  readonly #clock: Clock
  readonly #wheel: TimerWheel

  /** @param isAsked the request is complete */
  constructor(clock: Clock, wheel: TimerWheel, isAsked: boolean) {
    this.#clock = clock
    this.#wheel = wheel
    this.startMs = clock.nowMs()
    this.askedMs = isAsked ? this.startMs : Number.POSITIVE_INFINITY
    this.lastActivityMs = this.startMs
  }

  abstract get hasHead(): boolean
  abstract get isAwaitingHead(): boolean
  abstract onTimeout(): void

  /** Time left until the request's deadline, ms; Infinity without one. */
  get remainingMs(): number {
    return deadlineMs(this.plan, this) - this.#clock.nowMs()
  }

  /** An octet moved. */
  protected touch(): void {
    if ((this.plan?.traffic.streamIdleTimeoutMs ?? 0) > 0) this.lastActivityMs = this.#clock.nowMs()
  }

  /** Waits for the earliest of the bounds that hold now. */
  protected armTimer(): void {
    const dueMs = dueAtMs(this.plan, this)
    if (dueMs === Number.POSITIVE_INFINITY) this.#wheel.cancel(this)
    else this.#wheel.schedule(this, Math.max(0, dueMs - this.#clock.nowMs()))
  }

  protected cancelTimer(): void {
    this.#wheel.cancel(this)
  }
}
