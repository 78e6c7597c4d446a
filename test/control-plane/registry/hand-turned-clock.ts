import type { Clock, Timer } from '../../../sidecar/core/clock.ts'

/** A clock whose hands a test turns. Timers fire in order of their time while they are turned. */
export class HandTurnedClock implements Clock {
  #nowMs = 1_000
  /** Wall time runs along, and can be set apart. */
  wallOffsetMs = 1_700_000_000_000
  readonly #timers = new Set<{ readonly atMs: number; readonly action: () => void }>()

  nowMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs + this.wallOffsetMs
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), action }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  /** How many timers wait. */
  get waitingCount(): number {
    return this.#timers.size
  }

  /** Turns the hands on; each timer that is due fires, and what its action started goes on, before the next. */
  async turn(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs
    await settle()
    for (;;) {
      const [next] = [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.action()
      await settle()
    }
    this.#nowMs = untilMs
  }

  /** The process stands still: time passes and no timer fires until it is over. */
  async standStill(forMs: number): Promise<void> {
    this.#nowMs += forMs
    await this.turn(0)
  }
}

/** Lets promises that can go on do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}
