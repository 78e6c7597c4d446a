import type { Attributes } from '@opentelemetry/api'
import { type Clock, sleep } from '../../sidecar/core/clock.ts'

/** Spans of the control plane's own work. */
export interface ControlPlaneTracing {
  /** Runs `work` inside a span named `name`; spans begun in it are its children. A throw marks the span and goes on. */
  span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>
  /** Sends what waits, for at most `timeoutMs`. Never rejects. */
  close(timeoutMs: number): Promise<void>
}

/** What the control plane's spans say about it, and where they go. */
export interface ControlPlaneTracingOptions {
  /** Base URL of an OTLP/HTTP endpoint; undefined: no spans, and the SDK is not loaded. */
  readonly endpoint: string | undefined
  readonly instanceId: string
  readonly version: string
  readonly clock: Clock
}

const NO_TRACING: ControlPlaneTracing = {
  span: (_name, _attributes, work) => work(),
  close: () => Promise.resolve(),
}

/**
 * Starts OpenTelemetry's Node SDK, imported only when there is an endpoint. Once in a process: it registers itself.
 * Rejects when the endpoint is no URL.
 */
export async function startControlPlaneTracing(options: ControlPlaneTracingOptions): Promise<ControlPlaneTracing> {
  const { endpoint } = options
  if (endpoint === undefined) return NO_TRACING
  const [api, { NodeSDK }, { BatchSpanProcessor }, { resourceFromAttributes }, { OTLPTraceExporter }] =
    await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-node'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ])
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces` })
  const sdk = new NodeSDK({
    resource: resourceFromAttributes({
      'service.name': 'outrigger-control-plane',
      'service.instance.id': options.instanceId,
      'service.version': options.version,
    }),
    autoDetectResources: false,
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1_000 })],
    // Spans only: metrics are the registry's, logs the logger's, and nothing is patched.
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  })
  sdk.start()
  const tracer = api.trace.getTracer('outrigger')
  return {
    span: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await work()
        } catch (cause) {
          const type = cause instanceof Error ? cause.name : typeof cause
          span.setAttribute('error.type', type).setStatus({ code: api.SpanStatusCode.ERROR })
          throw cause
        } finally {
          span.end()
        }
      }),
    async close(timeoutMs) {
      const done = new AbortController()
      const closing = sdk.shutdown().catch(() => undefined)
      await Promise.race([closing, sleep(options.clock, timeoutMs, done.signal)])
      done.abort()
    },
  }
}
