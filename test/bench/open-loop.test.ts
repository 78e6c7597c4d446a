import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { OpenLoop, percentile } from '../../bench/load/open-loop.ts'

/** Lets a loop run against a server, millisecond by millisecond; the server says how long each request takes. */
function runAgainst(loop: OpenLoop, takesMs: (sentAtMs: number) => number, untilMs = 10_000): void {
  const underWay: { connection: number; doneMs: number }[] = []
  for (let nowMs = 0; nowMs < untilMs && !loop.isDone; nowMs++) {
    for (const one of underWay.splice(0)) {
      if (one.doneMs <= nowMs) loop.onAnswer(one.connection, nowMs)
      else underWay.push(one)
    }
    for (let at = loop.send(nowMs); at !== undefined; at = loop.send(nowMs))
      underWay.push({ connection: at, doneMs: nowMs + takesMs(nowMs) })
  }
}

test('requests leave at their times and not before', () => {
  const loop = new OpenLoop(3, 100, 4)
  assert.notEqual(loop.send(0), undefined)
  assert.equal(loop.send(9.9), undefined)
  assert.notEqual(loop.send(10), undefined)
  assert.notEqual(loop.send(25), undefined)
  assert.equal(loop.send(1_000), undefined, 'there are only three')
  assert.deepEqual([...loop.latenessMs], [0, 0, 5])
})

test('a server that stands still is seen by all who would have come meanwhile', () => {
  const loop = new OpenLoop(1_000, 1_000, 1)
  // Every answer takes nothing, but for 100 ms the server answers nobody.
  runAgainst(loop, (sentAtMs) => (sentAtMs >= 500 && sentAtMs < 600 ? 600 - sentAtMs : 0))
  assert(loop.isDone)
  const slow = loop.latenciesMs.filter((latency) => latency > 10).length
  // One connection, closed loop: one request would have been slow.
  assert(slow >= 80, `${slow} requests saw it`)
  assert(percentile(loop.latenciesMs, 0.99) > 80)
  assert(percentile(loop.latenciesMs, 0.5) <= 2)
})

test('a request without a free connection waits, and its wait is part of its latency', () => {
  const loop = new OpenLoop(2, 1_000, 1)
  const connection = loop.send(0) ?? assert.fail('the first is due')
  assert.equal(loop.send(5), undefined)
  loop.onAnswer(connection, 7)
  assert.equal(loop.send(7), connection)
  loop.onAnswer(connection, 8)
  assert.deepEqual([...loop.latenciesMs], [7, 7])
  assert.deepEqual([...loop.latenessMs], [0, 6])
})

test('a connection never carries two requests', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 50 }),
      (connections, times) => {
        const loop = new OpenLoop(times.length, 1_000, connections)
        const taken = new Set<number>()
        let nowMs = 0
        for (const step of times) {
          nowMs += step
          for (let at = loop.send(nowMs); at !== undefined; at = loop.send(nowMs)) {
            assert(!taken.has(at) && at >= 0 && at < connections)
            taken.add(at)
          }
          const [first] = taken
          if (first !== undefined) {
            loop.onAnswer(first, nowMs)
            taken.delete(first)
          }
        }
      },
    ),
  )
})

test('an answer that nobody asked for is refused', () => {
  assert.throws(() => new OpenLoop(1, 1, 1).onAnswer(0, 0), /no request/)
})

test('percentiles are values that occurred, by nearest rank', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, at) => 100 - at)
  assert.equal(percentile(hundred, 0.5), 50)
  assert.equal(percentile(hundred, 0.99), 99)
  assert.equal(percentile(hundred, 1), 100)
  assert.equal(percentile(Float64Array.of(3), 0.99), 3)
})

test('what was never answered is slower than everything', () => {
  assert.equal(percentile(Float64Array.of(1, Number.NaN, 2), 1), Number.POSITIVE_INFINITY)
  assert.equal(percentile(Float64Array.of(1, Number.NaN, 2), 0.5), 2)
})
