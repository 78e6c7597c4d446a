import type { HrTime, SpanContext } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import type { Clock } from '../core/clock.ts'
import type { LiveSpan } from './live-span.ts'
import { SpanBatches } from './span-batches.ts'
import { describeEnd } from './span-description.ts'

/** Who the spans are about: the workload, not the sidecar, so that a service graph shows workloads. */
export interface SpanResource {
  readonly serviceName: string
  readonly serviceNamespace: string
  readonly serviceInstanceId: string
  readonly serviceVersion?: string | undefined
}

/** Why a span was not exported. */
export type SpanDropReason = 'queue-full' | 'export-failed' | 'off'

/** An open way to an OTLP endpoint. */
export interface SpanExport {
  /** Takes one ended span; never blocks, drops and tells when the queue is full. */
  write(span: LiveSpan): void
  /** Sends what waits. Resolves when the endpoint has answered, or failed. */
  flush(): Promise<void>
  /** Sends what waits, then closes. Never rejects. */
  close(): Promise<void>
}

const EXPORT_TIMEOUT_MS = 10_000

/**
 * Opens the way to `endpoint` (base URL of an OTLP/HTTP receiver). OpenTelemetry's exporter is imported here, on the first
 * need, and alone: a span is whole when it comes here, and the SDK's tracer would only build it a second time.
 */
export async function openSpanExport(
  endpoint: string,
  resource: SpanResource,
  clock: Clock,
  onDrop: (count: number, reason: SpanDropReason) => void,
): Promise<SpanExport> {
  const [api, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
  const otlp = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  })
  const origin = {
    resource: resourceFromAttributes(toAttributes(resource)),
    instrumentationScope: { name: 'outrigger' },
  }

  const toContext = (span: LiveSpan, spanId: string): SpanContext => {
    const { traceId, tracestate } = span.context
    const traceState = tracestate === undefined ? {} : { traceState: api.createTraceState(tracestate) }
    return { traceId, spanId, traceFlags: api.TraceFlags.SAMPLED, ...traceState }
  }
  const toReadable = (span: LiveSpan): ReadableSpan => {
    const { parentSpanId } = span.context
    const own = toContext(span, span.spanId)
    const end = span.ending && describeEnd(span.kind, 'rpc.system.name' in span.attributes, span.ending)
    return {
      ...origin,
      name: span.name,
      kind: span.kind === 'client' ? api.SpanKind.CLIENT : api.SpanKind.SERVER,
      spanContext: () => own,
      ...(parentSpanId === '' ? {} : { parentSpanContext: { ...toContext(span, parentSpanId), isRemote: true } }),
      startTime: toHrTime(span.startMs),
      endTime: toHrTime(span.endMs),
      duration: toHrTime(span.endMs - span.startMs),
      ended: true,
      status: { code: end?.isError === true ? api.SpanStatusCode.ERROR : api.SpanStatusCode.UNSET },
      attributes: end === undefined ? span.attributes : { ...span.attributes, ...end.attributes },
      events: span.events.map(({ name, atMs, attributes }) => ({ name, attributes, time: toHrTime(atMs) })),
      links: [],
      droppedAttributesCount: 0,
      droppedEventsCount: 0,
      droppedLinksCount: 0,
    }
  }
  const send = (spans: readonly LiveSpan[]): Promise<void> =>
    new Promise((resolve) => {
      otlp.export(spans.map(toReadable), ({ code }) => {
        if (code !== 0) onDrop(spans.length, 'export-failed')
        resolve()
      })
    })
  const batches = new SpanBatches(send, clock, () => onDrop(1, 'queue-full'))
  return {
    write: (span) => batches.add(span),
    flush: () => batches.flush(),
    async close() {
      await batches.flush()
      // What failed was counted where it failed; here there is nobody left who could act on it.
      await otlp.shutdown().catch(() => undefined)
    },
  }
}

const toHrTime = (ms: number): HrTime => {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)]
}

function toAttributes(resource: SpanResource): Record<string, string> {
  return {
    'service.name': resource.serviceName,
    'service.namespace': resource.serviceNamespace,
    'service.instance.id': resource.serviceInstanceId,
    ...(resource.serviceVersion === undefined ? {} : { 'service.version': resource.serviceVersion }),
  }
}
