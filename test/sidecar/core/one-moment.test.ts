import assert from 'node:assert/strict'
import test from 'ava'
import { inOneMoment, systemClock } from '../../../sidecar/core/clock.ts'

/** The times that are read one after the other until one differs from the first, or a second is over. */
const readTimes = (): Set<number> => {
  const times = new Set<number>()
  const endMs = performance.now() + 1_000
  for (let reads = 0; reads < 1_000 || (times.size < 2 && performance.now() < endMs); reads++)
    times.add(systemClock.nowMs())
  return times
}

test('while one piece of input is worked on, it is one moment, and the next is another', () => {
  assert(readTimes().size > 1, 'the clock goes')
  const moments: number[] = []
  for (let i = 0; i < 2; i++) {
    inOneMoment(
      () => {
        const before = performance.now()
        const first = systemClock.nowMs()
        assert(first >= before)
        while (performance.now() < before + 2) assert.equal(systemClock.nowMs(), first)
        moments.push(first)
      },
      undefined,
      undefined,
    )
  }
  assert((moments[1] ?? 0) >= (moments[0] ?? 0) + 2)
  assert(readTimes().size > 1, 'it goes on')
})

test('work that throws does not stop the clock', () => {
  assert.throws(() => inOneMoment(() => assert.fail('broken'), undefined, undefined), /broken/)
  assert(readTimes().size > 1)
})
