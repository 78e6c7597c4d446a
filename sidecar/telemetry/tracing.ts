import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import type { Random } from '../core/random.ts'
import { LiveSpan, type SpanSink } from './live-span.ts'
import {
  type ClientSpanFacts,
  describeClientSpan,
  describeServerSpan,
  type ServerSpanFacts,
} from './span-description.ts'
import { openSpanExport, type SpanDropReason, type SpanExport, type SpanResource } from './span-export.ts'
import type { TraceContext } from './trace-context.ts'
import { newSpanId } from './trace-ids.ts'

/** What the control plane says about traces: the Telemetry resource, or nothing yet. */
export interface TracingSettings {
  readonly samplingRatio: number
  readonly otlpEndpoint?: string | undefined
}

/** What tracing needs from outside. */
export interface TracingSeams {
  readonly clock: Clock
  readonly random: Random
  /** Hears of spans that will not be exported. */
  readonly onDrop: (count: number, reason: SpanDropReason) => void
  /** Hears why no spans can be exported at all: an endpoint that is no URL. */
  readonly onProblem?: (problem: string) => void
  /** Opens the way to an endpoint; replaced in tests. */
  readonly open?: typeof openSpanExport
}

/** Steps of the wall clock smaller than this are its own coarseness, not an adjustment. */
const CLOCK_STEP_MS = 5

/**
 * Spans of sampled exchanges. Cheap and synchronous for the pipeline; the exporter is loaded when an endpoint is
 * first configured, and spans that end before it is there wait for it.
 */
export class Tracing {
  readonly #resource: SpanResource
  readonly #seams: TracingSeams
  readonly #sink: SpanSink
  #endpoint: string | undefined
  #samplingRatio = 0
  #opening: Promise<SpanExport> | undefined
  #open: SpanExport | undefined
  #waiting: LiveSpan[] = []
  #wallOffsetMs = Number.NEGATIVE_INFINITY

  constructor(resource: SpanResource, seams: TracingSeams) {
    this.#resource = resource
    this.#seams = seams
    this.#sink = { nowMs: () => this.#nowMs(), onEnd: (span) => this.#onEnd(span) }
  }

  /** Share of new traces to sample: 0 while there is nowhere to send spans to. For `startTraceContext`. */
  get samplingRatio(): number {
    return this.#endpoint === undefined ? 0 : this.#samplingRatio
  }

  /** Follows the Telemetry resource. A changed endpoint flushes the old way and opens the new one, in the background. */
  configure(settings: TracingSettings | undefined): void {
    this.#samplingRatio = settings?.samplingRatio ?? 0
    if (settings?.otlpEndpoint === this.#endpoint) return
    this.#endpoint = settings?.otlpEndpoint
    const former = this.#opening
    this.#open = undefined
    this.#opening = undefined
    if (former !== undefined) void former.then((open) => open.close())
    if (this.#endpoint !== undefined) this.#start(this.#endpoint)
  }

  /** A CLIENT span for one try, child of the received context; undefined when the trace is not sampled or goes nowhere. */
  startClientSpan(context: TraceContext, facts: ClientSpanFacts): LiveSpan | undefined {
    if (!context.sampled || this.#endpoint === undefined) return undefined
    return new LiveSpan('client', context, newSpanId(this.#seams.random), describeClientSpan(facts), this.#sink)
  }

  /** A SERVER span for an inbound exchange; undefined as above. */
  startServerSpan(context: TraceContext, facts: ServerSpanFacts): LiveSpan | undefined {
    if (!context.sampled || this.#endpoint === undefined) return undefined
    return new LiveSpan('server', context, newSpanId(this.#seams.random), describeServerSpan(facts), this.#sink)
  }

  /** Sends what waits, and resolves when it was answered. */
  async flush(): Promise<void> {
    await (await this.#opening)?.flush()
  }

  /** Sends what waits, for at most `timeoutMs`, and closes. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const opening = this.#opening
    this.#endpoint = undefined
    this.#open = undefined
    this.#opening = undefined
    if (opening === undefined) return
    const closing = opening.then((open) => open.close())
    await new Promise<void>((resolve) => {
      const timer = this.#seams.clock.after(timeoutMs, resolve)
      void closing.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  #start(endpoint: string): void {
    const open = this.#seams.open ?? openSpanExport
    const opening = open(endpoint, this.#resource, this.#seams.clock, this.#seams.onDrop)
      .catch(this.#closed)
      .then((opened) => {
        const waiting = this.#opening === opening || this.#opening === undefined ? this.#waiting.splice(0) : []
        if (this.#opening === opening) this.#open = opened
        for (const span of waiting) opened.write(span)
        return opened
      })
    this.#opening = opening
  }

  /** Traffic goes on without traces: spans are dropped and counted until the endpoint changes. */
  readonly #closed = (cause: unknown): SpanExport => {
    this.#seams.onProblem?.(`Cannot export traces: ${cause instanceof Error ? cause.message : String(cause)}`)
    return {
      write: () => this.#seams.onDrop(1, 'off'),
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }
  }

  #onEnd(span: LiveSpan): void {
    if (this.#open !== undefined) this.#open.write(span)
    else if (this.#opening === undefined) this.#seams.onDrop(1, 'off')
    else if (this.#waiting.length >= LIMITS.spanQueueCount) this.#seams.onDrop(1, 'queue-full')
    else this.#waiting.push(span)
  }

  /**
   * The wall clock's milliseconds are whole, which would order the spans of one process wrongly. So time is monotonic
   * plus the largest offset seen: the wall clock's readings are rounded down, never up. A clock that was set starts anew.
   */
  #nowMs(): number {
    const nowMs = this.#seams.clock.nowMs()
    const offsetMs = this.#seams.clock.wallMs() - nowMs
    if (offsetMs > this.#wallOffsetMs || offsetMs < this.#wallOffsetMs - CLOCK_STEP_MS) this.#wallOffsetMs = offsetMs
    return nowMs + this.#wallOffsetMs
  }
}
