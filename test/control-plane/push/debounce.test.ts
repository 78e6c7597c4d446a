import assert from 'node:assert/strict'
import test from 'ava'
import { Debounce } from '../../../control-plane/push/debounce.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

function debounce() {
  const clock = new TurnedClock()
  const firedAtMs: number[] = []
  return {
    clock,
    firedAtMs,
    changes: new Debounce(clock, { quietMs: 20, maxMs: 200 }, () => firedAtMs.push(clock.nowMs())),
  }
}

test('a burst becomes one action, when it is quiet', () => {
  const { clock, firedAtMs, changes } = debounce()
  for (let i = 0; i < 5; i++) {
    changes.touch()
    clock.turn(10)
  }
  clock.turn(100)
  assert.deepEqual(firedAtMs, [60])
})

test('a burst without an end is acted on at the latest after the maximum', () => {
  const { clock, firedAtMs, changes } = debounce()
  for (let i = 0; i < 50; i++) {
    changes.touch()
    clock.turn(10)
  }
  assert.deepEqual(firedAtMs.slice(0, 2), [200, 400])
})

test('what is cancelled does not happen', () => {
  const { clock, firedAtMs, changes } = debounce()
  changes.touch()
  changes.cancel()
  clock.turn(1_000)
  assert.deepEqual(firedAtMs, [])
})
