import type { Context, HrTime, Tracer } from '@opentelemetry/api'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { LIMITS } from '../core/limits.ts'
import type { LiveSpan } from './live-span.ts'
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
 * A batch is described and serialized in one go, at some 30 µs a span, and no request moves meanwhile: 512 of them, the
 * SDK's default, made a p99 of 10 ms one of 30, and held 50 MB.
 */
const BATCH_SPANS = 32
const BATCH_DELAY_MS = 1_000

/**
 * Opens the way to `endpoint` (base URL of an OTLP/HTTP receiver). The SDK is imported here, on the first need: it costs
 * 60 ms and 29 MB, and a sidecar without an endpoint should not pay them.
 */
export async function openSpanExport(
  endpoint: string,
  resource: SpanResource,
  onDrop: (count: number, reason: SpanDropReason) => void,
): Promise<SpanExport> {
  const [api, sdk, { resourceFromAttributes }, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ])
  const otlp = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_TIMEOUT_MS,
  })
  let queued = 0
  // The SDK keeps its count of dropped spans to itself, so what enters and leaves its queue is counted around it.
  const exporter: SpanExporter = {
    export(spans: ReadableSpan[], onResult) {
      queued -= spans.length
      otlp.export(spans, (result) => {
        if (result.code !== 0) onDrop(spans.length, 'export-failed')
        onResult(result)
      })
    },
    shutdown: () => otlp.shutdown(),
    forceFlush: () => otlp.forceFlush(),
  }
  const ids = { traceId: '', spanId: '' }
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes(toAttributes(resource)),
    idGenerator: { generateTraceId: () => ids.traceId, generateSpanId: () => ids.spanId },
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter,
        maxQueueSize: LIMITS.spanQueueCount,
        maxExportBatchSize: BATCH_SPANS,
        scheduledDelayMillis: BATCH_DELAY_MS,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  })
  const tracer = provider.getTracer('outrigger')

  const parentOf = (span: LiveSpan): Context => {
    const { traceId, parentSpanId, tracestate } = span.context
    if (parentSpanId === '') return api.ROOT_CONTEXT
    return api.trace.setSpanContext(api.ROOT_CONTEXT, {
      traceId,
      spanId: parentSpanId,
      traceFlags: api.TraceFlags.SAMPLED,
      isRemote: true,
      ...(tracestate === undefined ? {} : { traceState: api.createTraceState(tracestate) }),
    })
  }
  const write = (span: LiveSpan): void => {
    if (queued >= LIMITS.spanQueueCount) {
      onDrop(1, 'queue-full')
      return
    }
    queued++
    ids.traceId = span.context.traceId
    ids.spanId = span.spanId
    const kind = span.kind === 'client' ? api.SpanKind.CLIENT : api.SpanKind.SERVER
    replay(tracer, span, kind, parentOf(span), api.SpanStatusCode.ERROR)
  }
  // The SDK gives up waiting at the first batch that fails, so the exporter is waited for by itself. What failed was
  // counted where it failed; here there is nobody left who could act on it.
  const flush = async (): Promise<void> => {
    await settle(provider.forceFlush())
    await settle(otlp.forceFlush())
  }
  const close = async (): Promise<void> => {
    await settle(provider.shutdown())
    await settle(otlp.shutdown())
  }
  return { write, flush, close }
}

/** Gives the SDK a whole span at once: begin, events and end, each with its own time. */
function replay(tracer: Tracer, live: LiveSpan, kind: number, parent: Context, error: number): void {
  const options = { kind, attributes: live.attributes, startTime: toHrTime(live.startMs) }
  const span = tracer.startSpan(live.name, options, parent)
  for (const { name, atMs, attributes } of live.events) span.addEvent(name, attributes, toHrTime(atMs))
  if (live.ending !== undefined) {
    const { attributes, isError } = describeEnd(live.kind, 'rpc.system.name' in live.attributes, live.ending)
    span.setAttributes(attributes)
    if (isError) span.setStatus({ code: error })
  }
  span.end(toHrTime(live.endMs))
}

const toHrTime = (ms: number): HrTime => {
  const seconds = Math.floor(ms / 1_000)
  return [seconds, Math.floor((ms - seconds * 1_000) * 1e6)]
}

const settle = (promise: Promise<void>): Promise<void> => promise.catch(() => undefined)

function toAttributes(resource: SpanResource): Record<string, string> {
  return {
    'service.name': resource.serviceName,
    'service.namespace': resource.serviceNamespace,
    'service.instance.id': resource.serviceInstanceId,
    ...(resource.serviceVersion === undefined ? {} : { 'service.version': resource.serviceVersion }),
  }
}
