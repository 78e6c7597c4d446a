import type { Fields } from '../http/head.ts'

/** What B3 fields say. `traceId` is '' when they carry a decision only; `sampled: undefined` defers the decision to us. */
export interface B3Context {
  readonly traceId: string
  readonly parentSpanId: string
  readonly sampled: boolean | undefined
  readonly format: 'b3' | 'b3-multi'
}

const SINGLE = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-[0-9a-f]{16})?)?$/
const TRACE_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/
const SPAN_ID = /^[0-9a-f]{16}$/
const NO_ID = /^0+$/

/**
 * The context in a `b3` field. `traceId` is '' when the field carries a decision only (`b3: 0`).
 * Source: https://github.com/openzipkin/b3-propagation#single-header. Undefined when absent, repeated or malformed.
 */
export function readB3(fields: Fields): B3Context | undefined {
  const text = findOnly(fields, 'b3')?.toLowerCase()
  if (text === undefined) return undefined
  if (text === '0' || text === '1' || text === 'd') {
    return { traceId: '', parentSpanId: '', sampled: text !== '0', format: 'b3' }
  }
  const match = SINGLE.exec(text)
  if (match === null) return undefined
  return received(match[1] as string, match[2] as string, decision(match[3]), 'b3')
}

/**
 * The context in `x-b3-traceid`, `x-b3-spanid`, `x-b3-sampled` and `x-b3-flags`.
 * Source: https://github.com/openzipkin/b3-propagation#multiple-headers. Undefined when an id is absent or malformed.
 */
export function readB3Multi(fields: Fields): B3Context | undefined {
  const traceId = findOnly(fields, 'x-b3-traceid')?.toLowerCase()
  const spanId = findOnly(fields, 'x-b3-spanid')?.toLowerCase()
  if (traceId === undefined || spanId === undefined || !TRACE_ID.test(traceId) || !SPAN_ID.test(spanId))
    return undefined
  // The debug flag implies an accept decision and wins over `x-b3-sampled`.
  const sampled = findOnly(fields, 'x-b3-flags') === '1' ? true : decision(findOnly(fields, 'x-b3-sampled'))
  return received(traceId, spanId, sampled, 'b3-multi')
}

function received(
  traceId: string,
  parentSpanId: string,
  sampled: boolean | undefined,
  format: 'b3' | 'b3-multi',
): B3Context | undefined {
  if (NO_ID.test(traceId) || NO_ID.test(parentSpanId)) return undefined
  return { traceId: traceId.padStart(32, '0'), parentSpanId, sampled, format }
}

/** `true` and `false` were sent by early tracers for `x-b3-sampled`. */
function decision(text: string | undefined): boolean | undefined {
  if (text === '1' || text === 'd' || text === 'true') return true
  return text === '0' || text === 'false' ? false : undefined
}

/** The value of the one field of this name; undefined when there is none or there are several. */
function findOnly(fields: Fields, name: string): string | undefined {
  let found: string | undefined
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== name) continue
    if (found !== undefined) return undefined
    found = fields[at + 1]
  }
  return found
}
