import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { seededRandom } from '../../../sidecar/core/random.ts'
import {
  dropTraceContext,
  forwardTraceContext,
  newTraceContext,
  readTraceContext,
  startTraceContext,
  toTraceparent,
} from '../../../sidecar/telemetry/trace-context.ts'
import { newSpanId, newTraceId } from '../../../sidecar/telemetry/trace-ids.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
const random = seededRandom(7)
const never = (): number => assert.fail('chance was asked though the decision was made')

test('ids are lower-case hexadecimal of the right length and never all zero', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const chance = seededRandom(seed)
      assert.match(newTraceId(chance), /^[0-9a-f]{32}$/)
      assert.match(newSpanId(chance), /^[0-9a-f]{16}$/)
    }),
  )
  assert.equal(
    newTraceId(() => 0),
    `${'0'.repeat(31)}1`,
  )
  assert.equal(
    newSpanId(() => 0),
    `${'0'.repeat(15)}1`,
  )
  assert.equal(new Set(Array.from({ length: 1_000 }, () => newSpanId(random))).size, 1_000)
})

test('traceparent of version 00 is read with its flags and tracestate (W3C §3.2.2)', () => {
  const fields = ['accept', '*/*', 'tracestate', 'a=1', 'traceparent', `00-${TRACE}-${SPAN}-03`, 'tracestate', 'b=2']
  assert.deepEqual(readTraceContext(fields), {
    traceId: TRACE,
    parentSpanId: SPAN,
    sampled: true,
    isRandom: true,
    tracestate: 'a=1,b=2',
    format: 'w3c',
  })
  assert.equal(readTraceContext(['traceparent', `00-${TRACE}-${SPAN}-00`])?.sampled, false)
  assert.equal(readTraceContext(['traceparent', `00-${TRACE}-${SPAN}-fe`])?.sampled, false)
})

for (const [why, text] of [
  ['is empty', ''],
  ['has upper-case digits', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['has an all-zero trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['has an all-zero parent id', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['is of version ff', `ff-${TRACE}-${SPAN}-01`],
  ['is of version 00 and longer than it may be', `00-${TRACE}-${SPAN}-01-extra`],
  ['is of a later version with something glued to the flags', `01-${TRACE}-${SPAN}-01extra`],
  ['is short by a digit', `00-${TRACE.slice(1)}-${SPAN}-01`],
  ['has a digit that is none', `00-${TRACE.replace('0', 'g')}-${SPAN}-01`],
  ['has spaces around', ` 00-${TRACE}-${SPAN}-01`],
] as const) {
  test(`traceparent that ${why} counts as absent`, () => {
    assert.equal(readTraceContext(['traceparent', text, 'tracestate', 'a=1']), undefined)
  })
}

test('two traceparent fields count as none', () => {
  const text = `00-${TRACE}-${SPAN}-01`
  assert.equal(readTraceContext(['traceparent', text, 'traceparent', text]), undefined)
})

test('a later version is read as far as version 00 goes, and goes on as version 00', () => {
  const context = readTraceContext(['traceparent', `cc-${TRACE}-${SPAN}-01-what-the-future-holds`])
  assert(context !== undefined)
  assert.equal(toTraceparent(context, SPAN), `00-${TRACE}-${SPAN}-01`)
})

test('what is written is read back, whatever the ids and flags', () => {
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), (seed, sampled) => {
      const chance = seededRandom(seed)
      const context = newTraceContext(chance, sampled)
      const spanId = newSpanId(chance)
      const read = readTraceContext(['traceparent', toTraceparent(context, spanId)])
      assert.deepEqual(read, { ...context, parentSpanId: spanId, format: 'w3c' })
    }),
  )
})

test('arbitrary text never throws and never yields malformed ids', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 70 }), (text) => {
      const context = readTraceContext(['traceparent', text, 'b3', text, 'x-b3-traceid', text, 'x-b3-spanid', text])
      assert(context === undefined || /^[0-9a-f]{32}$/.test(context.traceId))
    }),
  )
})

test('B3 in one field is read, a short trace id padded', () => {
  const context = readTraceContext(['b3', `${TRACE.slice(16)}-${SPAN}-1-05e3ac9a4f6e3b90`])
  assert.equal(context?.traceId, `${'0'.repeat(16)}${TRACE.slice(16)}`)
  assert.equal(context.parentSpanId, SPAN)
  assert.equal(context.sampled, true)
  assert.equal(readTraceContext(['b3', `${TRACE}-${SPAN}-d`])?.sampled, true)
  assert.equal(readTraceContext(['b3', `${TRACE}-${SPAN}-0`])?.sampled, false)
  assert.equal(readTraceContext(['b3', `${TRACE}-${SPAN}-2`]), undefined)
})

test('B3 in several fields is read; the debug flag samples', () => {
  const ids = ['x-b3-traceid', TRACE, 'x-b3-spanid', SPAN]
  assert.equal(readTraceContext([...ids, 'x-b3-sampled', '0'])?.sampled, false)
  assert.equal(readTraceContext([...ids, 'x-b3-sampled', '1'])?.sampled, true)
  assert.equal(readTraceContext([...ids, 'x-b3-sampled', '0', 'x-b3-flags', '1'])?.sampled, true)
  assert.equal(readTraceContext(['x-b3-traceid', TRACE]), undefined)
})

test('W3C wins over B3', () => {
  const context = readTraceContext([
    'b3',
    `${'1'.repeat(32)}-${'2'.repeat(16)}-1`,
    'traceparent',
    `00-${TRACE}-${SPAN}-00`,
  ])
  assert.equal(context?.traceId, TRACE)
})

test('a received decision is obeyed without asking chance again', () => {
  assert.equal(startTraceContext(['traceparent', `00-${TRACE}-${SPAN}-00`], never, 1).sampled, false)
  assert.equal(startTraceContext(['traceparent', `00-${TRACE}-${SPAN}-01`], never, 0).sampled, true)
  assert.equal(startTraceContext(['b3', `${TRACE}-${SPAN}-0`], never, 0.5).sampled, false)
})

test('the ratio decides where nothing was received, and where B3 defers', () => {
  assert.equal(startTraceContext([], random, 1).sampled, true)
  assert.equal(startTraceContext([], random, 0).sampled, false)
  assert.equal(startTraceContext(['b3', '0'], random, 1).sampled, false)
  assert.equal(startTraceContext(['b3', '1'], random, 0).sampled, true)
  assert.equal(startTraceContext(['b3', `${TRACE}-${SPAN}`], random, 1).sampled, true)
  let sampled = 0
  for (let i = 0; i < 10_000; i++) if (startTraceContext([], random, 0.1).sampled) sampled++
  assert(sampled > 850 && sampled < 1_150, `${sampled} of 10000 at a ratio of 0.1`)
})

test('a received context without a span of ours passes as it came, without a copy', () => {
  const fields = ['traceparent', `00-${TRACE}-${SPAN}-00`, 'tracestate', 'a=1']
  const context = startTraceContext(fields, never, 1)
  assert.equal(forwardTraceContext(fields, context, undefined, never), fields)
})

test('our span becomes the sender; tracestate and all else stay', () => {
  const fields = ['a', '1', 'traceparent', `00-${TRACE}-${SPAN}-01`, 'tracestate', 'v=1']
  const context = startTraceContext(fields, never, 1)
  assert.deepEqual(forwardTraceContext(fields, context, '00000000000000aa', never), [
    ...['a', '1', 'tracestate', 'v=1', 'traceparent', `00-${TRACE}-00000000000000aa-01`],
  ])
})

test('a new unsampled context goes on with flags 02, and drops what was unusable', () => {
  const fields = ['traceparent', 'nonsense', 'tracestate', 'a=1', 'x', 'y']
  const context = startTraceContext(fields, random, 0)
  const next = forwardTraceContext(fields, context, undefined, random)
  assert.deepEqual(next.slice(0, 3), ['x', 'y', 'traceparent'])
  assert.match(next[3] ?? '', new RegExp(`^00-${context.traceId}-[0-9a-f]{16}-02$`))
})

test('B3 goes on as B3 and as W3C, both naming the same span', () => {
  const single = ['b3', `${TRACE}-${SPAN}-1`]
  assert.deepEqual(forwardTraceContext(single, startTraceContext(single, never, 0), '00000000000000aa', never), [
    ...['traceparent', `00-${TRACE}-00000000000000aa-01`, 'b3', `${TRACE}-00000000000000aa-1`],
  ])
  const multi = ['x-b3-traceid', TRACE, 'x-b3-spanid', SPAN, 'x-b3-sampled', '1', 'x-b3-parentspanid', SPAN]
  const next = forwardTraceContext(multi, startTraceContext(multi, never, 0), '00000000000000aa', never)
  assert.deepEqual(next, [
    ...['traceparent', `00-${TRACE}-00000000000000aa-01`, 'x-b3-traceid', TRACE],
    ...['x-b3-spanid', '00000000000000aa', 'x-b3-sampled', '1'],
  ])
})

test('fields of a trace are dropped, and a list without any stays the same list', () => {
  const clean = ['a', '1', 'x-b', '2']
  assert.equal(dropTraceContext(clean), clean)
  assert.deepEqual(dropTraceContext(['traceparent', 'bad', 'a', '1', 'tracestate', 'v=1', 'b3', '0']), ['a', '1'])
})

test('a tracestate that is too long is not kept for spans, and goes on as it came', () => {
  const fields = ['traceparent', `00-${TRACE}-${SPAN}-01`, 'tracestate', 'a='.padEnd(4_097, 'x')]
  const context = startTraceContext(fields, never, 1)
  assert.equal(context.tracestate, undefined)
  assert.equal(forwardTraceContext(fields, context, '00000000000000aa', never)[1], fields[3])
})
