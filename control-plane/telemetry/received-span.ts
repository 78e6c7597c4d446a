/** One span as an OTLP endpoint received it. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** '' for a root. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client' | 'producer' | 'consumer'
  /** `service.name` of the resource. */
  readonly service: string
  /** Unix time in milliseconds, with fractions. */
  readonly startMs: number
  readonly endMs: number
  readonly isError: boolean
  readonly attributes: Readonly<Record<string, AttributeValue>>
  readonly events: readonly { readonly name: string; readonly attributes: Readonly<Record<string, AttributeValue>> }[]
}

/** Value of an attribute; what is neither text, number nor truth value is kept as JSON text. */
export type AttributeValue = string | number | boolean

const KINDS = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const
const STATUS_ERROR = 2

/**
 * The spans of an `ExportTraceServiceRequest` in JSON, and how many were not usable (ids malformed).
 *
 * Source: opentelemetry-proto, trace/v1/trace.proto; OTLP specification 1.x, "JSON Protobuf Encoding": ids are
 * hexadecimal, 64-bit numbers may be text, unknown fields are ignored.
 */
export function readExport(body: unknown): { readonly spans: readonly ReceivedSpan[]; readonly rejected: number } {
  const spans: ReceivedSpan[] = []
  let rejected = 0
  for (const resourceSpans of list(body, 'resourceSpans')) {
    const resource = toAttributes(list(field(resourceSpans, 'resource'), 'attributes'))
    const service = String(resource['service.name'] ?? 'unknown_service')
    for (const scopeSpans of list(resourceSpans, 'scopeSpans')) {
      for (const span of list(scopeSpans, 'spans')) {
        const read = readSpan(span, service)
        if (read === undefined) rejected++
        else spans.push(read)
      }
    }
  }
  return { spans, rejected }
}

function readSpan(span: unknown, service: string): ReceivedSpan | undefined {
  const traceId = text(field(span, 'traceId')).toLowerCase()
  const spanId = text(field(span, 'spanId')).toLowerCase()
  const parentSpanId = text(field(span, 'parentSpanId')).toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return undefined
  if (parentSpanId !== '' && !/^[0-9a-f]{16}$/.test(parentSpanId)) return undefined
  return {
    traceId,
    spanId,
    parentSpanId,
    name: text(field(span, 'name')),
    kind: KINDS[Number(field(span, 'kind') ?? 0)] ?? 'internal',
    service,
    startMs: toMs(field(span, 'startTimeUnixNano')),
    endMs: toMs(field(span, 'endTimeUnixNano')),
    isError: Number(field(field(span, 'status'), 'code') ?? 0) === STATUS_ERROR,
    attributes: toAttributes(list(span, 'attributes')),
    events: list(span, 'events').map((event) => ({
      name: text(field(event, 'name')),
      attributes: toAttributes(list(event, 'attributes')),
    })),
  }
}

function toAttributes(list: readonly unknown[]): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = Object.create(null)
  for (const entry of list) {
    const value = field(entry, 'value')
    const plain = field(value, 'stringValue') ?? field(value, 'boolValue') ?? field(value, 'doubleValue')
    const integer = field(value, 'intValue')
    attributes[text(field(entry, 'key'))] = isPlain(plain)
      ? plain
      : integer === undefined
        ? (JSON.stringify(value) ?? '')
        : Number(integer)
  }
  return attributes
}

const isPlain = (value: unknown): value is AttributeValue =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function list(value: unknown, name: string): readonly unknown[] {
  const found = field(value, name)
  return Array.isArray(found) ? found : []
}

/** Nanoseconds do not fit a double; microseconds do, until the year 2255. */
function toMs(nanos: unknown): number {
  const digits = typeof nanos === 'number' ? String(nanos) : text(nanos)
  return /^\d{1,20}$/.test(digits) ? Number(BigInt(digits) / 1_000n) / 1_000 : 0
}
