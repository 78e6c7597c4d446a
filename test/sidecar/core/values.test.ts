import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import Type from 'typebox'
import { backoffMs } from '../../../sidecar/core/backoff.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { formatDuration, parseDurationMs } from '../../../sidecar/core/duration.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { parserOf, toLine } from '../../../sidecar/core/schema.ts'

test('a duration is the sum of its parts', () => {
  assert.deepEqual(parseDurationMs('1h30m'), { ok: true, value: 5_400_000 })
  assert.deepEqual(parseDurationMs('1s500ms'), { ok: true, value: 1_500 })
  assert.deepEqual(parseDurationMs('0s'), { ok: true, value: 0 })
})

for (const text of ['', '10', 's', '1.5s', '-1s', '100000s', '1s1s1s1s1s', '1d', ' 1s']) {
  test(`"${text}" is no duration`, () => assert.equal(parseDurationMs(text).ok, false))
}

test('formatDuration is read back as the same number', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999 * 3_600_000 }), (ms) =>
      assert.deepEqual(parseDurationMs(formatDuration(ms)), { ok: true, value: ms }),
    ),
  )
})

test('back-off stays below its ceiling, which doubles up to its maximum', () => {
  const random = seededRandom(7)
  for (let attempt = 1; attempt < 60; attempt++) {
    const waitMs = backoffMs({ baseMs: 25, maxMs: 250 }, attempt, random)
    assert(waitMs >= 0 && waitMs < Math.min(250, 25 * 2 ** (attempt - 1)))
  }
})

test('the same seed gives the same chance', () => {
  const [a, b] = [seededRandom(3), seededRandom(3)]
  for (let i = 0; i < 100; i++) assert.equal(a(), b())
})

test('a delay beyond 2^31 ms does not fire at once', async () => {
  let fired = false
  const timer = systemClock.after(60 * 24 * 3_600_000, () => {
    fired = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  timer.cancel()
  assert.equal(fired, false)
})

const person = parserOf(
  Type.Object(
    {
      age: Type.Integer({ minimum: 0 }),
      kind: Type.Union([Type.Literal('A'), Type.Literal('B')]),
      tags: Type.Optional(Type.Array(Type.String())),
    },
    { additionalProperties: false },
  ),
)

test('a valid value is answered as it is', () => {
  assert.deepEqual(person.parse({ age: 3, kind: 'A' }), { ok: true, value: { age: 3, kind: 'A' } })
})

test('every problem is told, with its path, what is allowed and what was got', () => {
  const parsed = person.parse({ age: -1, kind: 'C', tags: ['x', 4], colour: 'red' }, 'spec')
  assert(!parsed.ok)
  const lines = parsed.error.map(toLine).sort()
  assert.deepEqual(lines, [
    'spec.age: must be >= 0 (got -1)',
    'spec.colour: is not a known field',
    'spec.kind: must be "A" or "B" (got "C")',
    'spec.tags[1]: must be string (got 4)',
  ])
})
