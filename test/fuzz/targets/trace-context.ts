import assert from 'node:assert/strict'
import { seededRandom } from '../../../sidecar/core/random.ts'
import {
  dropTraceContext,
  forwardTraceContext,
  readTraceContext,
  startTraceContext,
  toTraceparent,
} from '../../../sidecar/telemetry/trace-context.ts'
import { assertAlike } from '../cuts.ts'
import { type FuzzTarget, octets } from '../fuzz-target.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const NAMES = ['traceparent', 'tracestate', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled', 'x-b3-flags', 'accept']

/** Lines, of which the first octet chooses a name and the others are the value: what is read is what goes on. */
export const traceContext: FuzzTarget = {
  name: 'trace-context',
  seeds: [
    `0 00-${TRACE}-${SPAN}-01`,
    `0 00-${TRACE}-${SPAN}-02\n1 a=b,c=d\n1 e=f`,
    `0 cc-${TRACE}-${SPAN}-01-what`,
    `2 ${TRACE}-${SPAN}-1-05e3ac9a4f6e3b90`,
    `2 ${SPAN}-${SPAN}-d`,
    '2 0',
    `3 ${TRACE}\n4 ${SPAN}\n5 true`,
    `3 ${SPAN}\n4 ${SPAN}\n6 1\n7 *`,
    `0 00-${TRACE}-${SPAN}-01\n0 00-${TRACE}-${SPAN}-01`,
  ].map(octets),
  words: [
    '00-',
    'ff-',
    'cc-',
    '-',
    TRACE,
    SPAN,
    '0'.repeat(32),
    '0'.repeat(16),
    '-01',
    '\n0 ',
    '\n1 ',
    '\n2 ',
    '\n3 ',
    '\n4 ',
    '-d',
    'true',
    ',',
  ],
  maxBytes: 6_000,
  check(input) {
    const fields = input
      .toString('latin1')
      .split('\n')
      .flatMap((line) => [NAMES[line.charCodeAt(0) & 7] ?? 'accept', line.slice(2)])
    const random = seededRandom(1)
    const read = readTraceContext(fields)
    const started = startTraceContext(fields, random, 1)
    if (read !== undefined) {
      assert.match(read.traceId, /^(?!0{32})[0-9a-f]{32}$/)
      assert.match(read.parentSpanId, /^(?!0{16})[0-9a-f]{16}$/)
      const next = readTraceContext(forwardTraceContext(fields, read, 'abcdefabcdefabcd', random))
      assertAlike(
        { ...next, format: '', tracestate: '' },
        { ...read, format: '', tracestate: '', parentSpanId: 'abcdefabcdefabcd' },
        'what goes on',
      )
      assertAlike({ ...started, sampled: false }, { ...read, sampled: false }, 'what an exchange goes on with')
    }
    const written = readTraceContext(['traceparent', toTraceparent(started, SPAN)])
    assertAlike(
      [written?.traceId, written?.parentSpanId, written?.sampled],
      [started.traceId, SPAN, started.sampled],
      'what is written',
    )
    assert.equal(readTraceContext(dropTraceContext(fields)), undefined, 'what is dropped')
    return `${read?.format} ${read?.sampled} ${read?.tracestate === undefined} ${started.format}`
  },
}
