import type { Random } from '../core/random.ts'
import type { Fields } from '../http/head.ts'
import { type B3Context, readB3, readB3Multi } from './b3.ts'
import { newSpanId, newTraceId } from './trace-ids.ts'

/** How a context came to us, and so in which fields it goes on. `new`: it did not; this sidecar began the trace. */
export type TraceFormat = 'w3c' | 'b3' | 'b3-multi' | 'new'

/** Where an exchange stands in its trace, as the sender said it. Immutable. */
export interface TraceContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string
  /** The sender's span, 16 lower-case hexadecimal digits; '' when there is none: the first span will be the root. */
  readonly parentSpanId: string
  /** Whether spans are recorded and exported. Decided once, where the trace began; later hops obey. */
  readonly sampled: boolean
  /** The trace id's random bit (W3C Trace Context Level 2 §3.2.2.5.2), carried unchanged. */
  readonly isRandom: boolean
  /** `tracestate` as received, several fields joined; undefined when there was none or it was not usable. */
  readonly tracestate: string | undefined
  readonly format: TraceFormat
}

/** Longest `tracestate` that is kept for spans; it is forwarded as it came anyway. W3C Trace Context §3.3.1.5 asks for 512. */
const TRACESTATE_CHARACTERS = 4_096

/**
 * The trace context that a request carries: `traceparent` first, then B3 single, then B3 multi.
 *
 * Source: W3C Trace Context §3.2, §4.3; https://github.com/openzipkin/b3-propagation. A field that breaks the rules, or
 * comes twice, counts as absent. A B3 context that defers the decision reads as not sampled; see `startTraceContext`.
 */
export function readTraceContext(fields: Fields): TraceContext | undefined {
  let traceparent: string | undefined
  let tracestate: string | undefined
  let repeated = false
  let hasB3 = false
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    // Lengths first: comparing all names with all of ours would cost more than reading the context does.
    if (name.length === 11 && name === 'traceparent') {
      repeated = traceparent !== undefined
      traceparent = fields[at + 1]
    } else if (name.length === 10 && name === 'tracestate') {
      tracestate = tracestate === undefined ? fields[at + 1] : `${tracestate},${fields[at + 1]}`
    } else if (name === 'b3' || (name.length > 8 && name.startsWith('x-b3-'))) {
      hasB3 = true
    }
  }
  if (traceparent !== undefined && !repeated) {
    const context = readTraceparent(traceparent, tracestate)
    if (context !== undefined) return context
  }
  return hasB3 ? fromB3(readB3(fields) ?? readB3Multi(fields)) : undefined
}

/**
 * The context that an exchange goes on with: the received one; or a new one, sampled with chance `samplingRatio`. The
 * decision travels in the flags, so that later hops do not decide again.
 */
export function startTraceContext(fields: Fields, random: Random, samplingRatio: number): TraceContext {
  const received = readTraceContext(fields)
  if (received === undefined) {
    const decided = readB3(fields)?.sampled // `b3: 0` decides without naming a trace
    return newTraceContext(random, decided ?? isChosen(random, samplingRatio))
  }
  if (received.format === 'w3c' || received.sampled) return received
  const b3 = readB3(fields) ?? readB3Multi(fields)
  return b3?.sampled === undefined ? { ...received, sampled: isChosen(random, samplingRatio) } : received
}

/** The beginning of a trace. */
export const newTraceContext = (random: Random, sampled: boolean): TraceContext => ({
  traceId: newTraceId(random),
  parentSpanId: '',
  sampled,
  isRandom: true,
  tracestate: undefined,
  format: 'new',
})

/** `traceparent` in version 00 that names `spanId` as the sender (W3C Trace Context §3.2). */
export const toTraceparent = (context: TraceContext, spanId: string): string =>
  `00-${context.traceId}-${spanId}-${context.isRandom ? (context.sampled ? '03' : '02') : context.sampled ? '01' : '00'}`

/**
 * The fields that go on to the next hop. With a `spanId`, that span is the sender; without one nothing was recorded here,
 * and a received context passes as it came: the same list, nothing allocated. W3C fields go always, B3 where B3 came.
 */
export function forwardTraceContext(
  fields: Fields,
  context: TraceContext,
  spanId: string | undefined,
  random: Random,
): Fields {
  if (spanId === undefined && context.format === 'w3c') return fields
  const sender = spanId ?? newSpanId(random)
  const next: string[] = []
  copyOthers(fields, context.format, next)
  next.push('traceparent', toTraceparent(context, sender))
  const flag = context.sampled ? '1' : '0'
  if (context.format === 'b3') next.push('b3', `${context.traceId}-${sender}-${flag}`)
  else if (context.format === 'b3-multi') {
    next.push('x-b3-traceid', context.traceId, 'x-b3-spanid', sender, 'x-b3-sampled', flag)
  }
  return next
}

/**
 * The fields without any that speak of a trace: for a context that began here, whose `traceparent` is sent apart from the
 * caller's fields. The same list when there are none, so that caches of header blocks know it again.
 */
export function dropTraceContext(fields: Fields): Fields {
  for (let at = 0; at < fields.length; at += 2) {
    if (!isReplaced(fields[at] as string, 'new')) continue
    const next: string[] = []
    copyOthers(fields, 'new', next)
    return next
  }
  return fields
}

function copyOthers(fields: Fields, format: TraceFormat, into: string[]): void {
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string
    if (!isReplaced(name, format)) into.push(name, fields[at + 1] as string)
  }
}

/** A usable `traceparent` is kept with its `tracestate`; without one, `tracestate` means nothing (W3C §4.3) and is dropped. */
function isReplaced(name: string, format: TraceFormat): boolean {
  if (name === 'traceparent') return true
  if (name === 'tracestate') return format !== 'w3c'
  return format !== 'w3c' && (name === 'b3' || name.startsWith('x-b3-'))
}

const isChosen = (random: Random, ratio: number): boolean => ratio >= 1 || (ratio > 0 && random() < ratio)

function fromB3(b3: B3Context | undefined): TraceContext | undefined {
  if (b3 === undefined || b3.traceId === '') return undefined
  const { traceId, parentSpanId, sampled, format } = b3
  return { traceId, parentSpanId, sampled: sampled === true, isRandom: false, tracestate: undefined, format }
}

/** A later version is read as far as version 00 goes, if what follows is set off by a dash (§4.3 and §3.2.1: ff is no version). */
const LATER_VERSION = /^(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x21-\x7e]*)?$/

/** Where the parts of version 00 begin: version, trace id, span id, flags; a dash stands before each but the first. */
const TRACE_AT = 3
const SPAN_AT = 36
const FLAGS_AT = 53
const TRACEPARENT_LENGTH = 55

/** Whether `text` is a `traceparent` of version 00. By hand: every request has one, and a pattern took 2 % of its time. */
function isVersion00(text: string): boolean {
  return (
    text.length === TRACEPARENT_LENGTH &&
    text.startsWith('00-') &&
    text.charCodeAt(SPAN_AT - 1) === DASH &&
    text.charCodeAt(FLAGS_AT - 1) === DASH &&
    isId(text, TRACE_AT, SPAN_AT - 1) &&
    isId(text, SPAN_AT, FLAGS_AT - 1) &&
    isHex(text.charCodeAt(FLAGS_AT)) &&
    isHex(text.charCodeAt(FLAGS_AT + 1))
  )
}

const DASH = 0x2d
const ZERO = 0x30

/** Lower-case hexadecimal digits, not all of them 0. */
function isId(text: string, start: number, end: number): boolean {
  let isZero = true
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at)
    if (!isHex(code)) return false
    if (code !== ZERO) isZero = false
  }
  return !isZero
}

const isHex = (code: number): boolean => (code >= ZERO && code <= 0x39) || (code >= 0x61 && code <= 0x66)

function readTraceparent(text: string, tracestate: string | undefined): TraceContext | undefined {
  if (!isVersion00(text) && !LATER_VERSION.test(text)) return undefined
  const flags = Number.parseInt(text.slice(FLAGS_AT, TRACEPARENT_LENGTH), 16)
  return {
    traceId: text.slice(TRACE_AT, SPAN_AT - 1),
    parentSpanId: text.slice(SPAN_AT, FLAGS_AT - 1),
    sampled: (flags & 1) === 1,
    isRandom: (flags & 2) === 2,
    tracestate: tracestate === undefined || tracestate.length > TRACESTATE_CHARACTERS ? undefined : tracestate,
    format: 'w3c',
  }
}
