import type { Clock, Timer } from '../../../sidecar/core/clock.ts'

/** A clock whose hands a test turns. Timers fire in order of their time; `turn` lets promises settle between them. */
export class SettlingClock implements Clock {
  #nowMs = 0
  #wallOffsetMs: number
  #timers: { readonly dueMs: number; readonly action: () => void }[] = []

  constructor(wallMs: number) {
    this.#wallOffsetMs = wallMs
  }

  nowMs = (): number => this.#nowMs
  wallMs = (): number => this.#nowMs + this.#wallOffsetMs

  /** The machine slept: the wall clock goes on, timers do not. */
  suspend(ms: number): void {
    this.#wallOffsetMs += ms
  }

  after = (delayMs: number, action: () => void): Timer => {
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), action }
    this.#timers.push(timer)
    const cancel = (): void => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
    return { cancel }
  }

  get timerCount(): number {
    return this.#timers.length
  }

  async turn(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    for (;;) {
      await settled()
      const next = this.#timers.toSorted((left, right) => left.dueMs - right.dueMs)[0]
      if (next === undefined || next.dueMs > endMs) break
      this.#timers = this.#timers.filter((other) => other !== next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.action()
    }
    this.#nowMs = endMs
    await settled()
  }
}

/** Everything that only waits for other promises has happened. */
export const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
