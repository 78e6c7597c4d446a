import type { Clock, Timer } from './clock.ts'

/** Something that can be put on the wheel. The fields are the wheel's; the owner only implements `onTimeout`. */
export interface WheelEntry {
  onTimeout(): void
  wheelNext: WheelEntry | undefined
  wheelPrevious: WheelEntry | undefined
  /** Slot that holds the entry, −1 when it is on no wheel. */
  wheelSlot: number
  /** Turns of the whole wheel still to pass before it is due. */
  wheelRounds: number
}

/** How precise a deadline is: an entry fires within one tick after its time, never before it. */
const TICK_MS = 10
const SLOT_COUNT = 512

/**
 * Deadlines of many requests on one system timer: scheduling and cancelling are O(1) and allocate nothing
 * (Varghese and Lauck, "Hashed and Hierarchical Timing Wheels", 1987, scheme 6). The timer sleeps when the wheel is empty.
 */
export class TimerWheel {
  readonly #clock: Clock
  readonly #slots: (WheelEntry | undefined)[] = new Array(SLOT_COUNT).fill(undefined)
  #size = 0
  #tick: number
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
    this.#tick = Math.floor(clock.nowMs() / TICK_MS)
  }

  /** Entries waiting. Returns to its baseline when nothing leaks. */
  get size(): number {
    return this.#size
  }

  /** Puts `entry` on the wheel, `delayMs` from now; an entry that is on it already is moved. */
  schedule(entry: WheelEntry, delayMs: number): void {
    this.cancel(entry)
    const nowMs = this.#clock.nowMs()
    if (this.#size === 0) this.#tick = Math.floor(nowMs / TICK_MS)
    const dueTick = Math.max(Math.ceil((nowMs + delayMs) / TICK_MS), this.#tick + 1)
    const slot = dueTick % SLOT_COUNT
    entry.wheelRounds = Math.floor((dueTick - this.#tick - 1) / SLOT_COUNT)
    entry.wheelSlot = slot
    entry.wheelPrevious = undefined
    entry.wheelNext = this.#slots[slot]
    if (entry.wheelNext !== undefined) entry.wheelNext.wheelPrevious = entry
    this.#slots[slot] = entry
    this.#size++
    this.#timer ??= this.#clock.after(TICK_MS, this.#advance, { background: true })
  }

  /** Takes `entry` off the wheel, if it is on it. */
  cancel(entry: WheelEntry): void {
    if (entry.wheelSlot < 0) return
    if (entry.wheelPrevious === undefined) this.#slots[entry.wheelSlot] = entry.wheelNext
    else entry.wheelPrevious.wheelNext = entry.wheelNext
    if (entry.wheelNext !== undefined) entry.wheelNext.wheelPrevious = entry.wheelPrevious
    entry.wheelSlot = -1
    entry.wheelNext = undefined
    entry.wheelPrevious = undefined
    this.#size--
  }

  readonly #advance = (): void => {
    this.#timer = undefined
    const nowTick = Math.floor(this.#clock.nowMs() / TICK_MS)
    while (this.#tick < nowTick && this.#size > 0) {
      this.#tick++
      this.#expire(this.#tick % SLOT_COUNT)
    }
    this.#tick = Math.max(this.#tick, nowTick)
    if (this.#size > 0) this.#timer ??= this.#clock.after(TICK_MS, this.#advance, { background: true })
  }

  /** Fires what is due in one slot. `onTimeout` may schedule and cancel anything, so the due are collected first. */
  #expire(slot: number): void {
    const due: WheelEntry[] = []
    for (let entry = this.#slots[slot]; entry !== undefined; entry = entry.wheelNext) {
      if (entry.wheelRounds > 0) entry.wheelRounds--
      else due.push(entry)
    }
    for (const entry of due) {
      if (entry.wheelSlot !== slot) continue // cancelled by an earlier one of this slot
      this.cancel(entry)
      entry.onTimeout()
    }
  }
}
