import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { TimerWheel, type WheelEntry } from '../../../sidecar/core/timer-wheel.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

class Entry implements WheelEntry {
  wheelNext: WheelEntry | undefined
  wheelPrevious: WheelEntry | undefined
  wheelSlot = -1
  wheelRounds = 0
  firedAtMs: number[] = []
  readonly #clock: TurnedClock
  readonly #act: (() => void) | undefined
  constructor(clock: TurnedClock, act?: () => void) {
    this.#clock = clock
    this.#act = act
  }
  onTimeout(): void {
    this.firedAtMs.push(this.#clock.nowMs())
    this.#act?.()
  }
}

test('an entry fires once, not before its time and at most two ticks after it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 0, max: 9_999 }),
      (delays, startMs) => {
        const clock = new TurnedClock(startMs)
        const wheel = new TimerWheel(clock)
        const entries = delays.map(() => new Entry(clock))
        for (const [at, entry] of entries.entries()) wheel.schedule(entry, delays[at] ?? 0)
        clock.turn(25_000)
        for (const [at, entry] of entries.entries()) {
          const dueMs = startMs + (delays[at] ?? 0)
          assert.equal(entry.firedAtMs.length, 1)
          const firedMs = entry.firedAtMs[0] ?? 0
          assert(firedMs >= dueMs && firedMs <= dueMs + 20, `due ${dueMs}, fired ${firedMs}`)
        }
        assert.equal(wheel.size, 0)
      },
    ),
    { numRuns: 50 },
  )
})

test('a cancelled entry never fires, and the wheel is empty after it', () => {
  const clock = new TurnedClock()
  const wheel = new TimerWheel(clock)
  const entry = new Entry(clock)
  wheel.schedule(entry, 100)
  wheel.cancel(entry)
  wheel.cancel(entry)
  clock.turn(1_000)
  assert.deepEqual(entry.firedAtMs, [])
  assert.equal(wheel.size, 0)
})

test('scheduling again moves an entry', () => {
  const clock = new TurnedClock()
  const wheel = new TimerWheel(clock)
  const entry = new Entry(clock)
  wheel.schedule(entry, 50)
  clock.turn(40)
  wheel.schedule(entry, 100)
  clock.turn(60)
  assert.deepEqual(entry.firedAtMs, [])
  clock.turn(60)
  assert.equal(entry.firedAtMs.length, 1)
})

test('an entry that fires may cancel another of the same slot', () => {
  const clock = new TurnedClock()
  const wheel = new TimerWheel(clock)
  const second = new Entry(clock)
  const first = new Entry(clock, () => wheel.cancel(second))
  wheel.schedule(second, 100)
  wheel.schedule(first, 100)
  clock.turn(500)
  assert.equal(first.firedAtMs.length + second.firedAtMs.length, 1)
  assert.equal(wheel.size, 0)
})

test('an entry may put itself back when it fires', () => {
  const clock = new TurnedClock()
  const wheel = new TimerWheel(clock)
  let left = 3
  const entry: Entry = new Entry(clock, () => {
    if (--left > 0) wheel.schedule(entry, 30)
  })
  wheel.schedule(entry, 30)
  clock.turn(1_000)
  assert.equal(entry.firedAtMs.length, 3)
})
