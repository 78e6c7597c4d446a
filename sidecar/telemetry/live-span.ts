import type { GrpcStatus } from '../http/grpc-status.ts'
import { type TraceContext, toTraceparent } from './trace-context.ts'

/** Values that a span's attributes may have. */
export type SpanAttributes = Record<string, string | number | boolean>

/** How an exchange or a try ended, for its span. */
export interface SpanEnd {
  /** Final status; 0 when none came. */
  readonly status: number
  /** Code of the mesh's error, when the mesh answered or the try failed. */
  readonly error?: string | undefined
  /** The access log's flag; '-' or absent when there is none. */
  readonly flag?: string | undefined
  /** What gRPC said in its trailers. */
  readonly grpcStatus?: GrpcStatus | undefined
  /** The manifest and rule that decided. */
  readonly policy?: string | undefined
}

/** Something that happened inside a span. */
export interface SpanEvent {
  readonly name: string
  readonly atMs: number
  readonly attributes: SpanAttributes
}

/** Something that happened, before anybody put it into words. */
export type SpanDetail = Pick<SpanEvent, 'name' | 'attributes'>

/** What a live span needs of its maker. */
export interface SpanSink {
  /** Wall-clock milliseconds with the monotonic clock's resolution. */
  nowMs(): number
  /** Takes a span that has ended. */
  onEnd(span: LiveSpan): void
}

/** Most events that one span keeps: tries and trace steps; as many as OpenTelemetry's SDK has by default. */
const EVENT_COUNT = 128

/**
 * A span of a sampled exchange: a plain record until it ends, so that the exchange pays for no more than that.
 * `spanId` goes into the forwarded context before anybody has seen the span.
 */
export class LiveSpan {
  readonly context: TraceContext
  readonly spanId: string
  readonly kind: 'client' | 'server'
  readonly name: string
  readonly startMs: number
  readonly attributes: SpanAttributes
  readonly #events: SpanEvent[] = []
  /** Put into words when the span leaves: until then it is a reference, and not twenty objects. */
  #details: (() => readonly SpanDetail[]) | undefined
  #detailsMs = 0
  endMs = -1
  ending: SpanEnd | undefined
  readonly #sink: SpanSink

  constructor(
    kind: 'client' | 'server',
    context: TraceContext,
    spanId: string,
    described: { readonly name: string; readonly attributes: SpanAttributes },
    sink: SpanSink,
  ) {
    this.kind = kind
    this.context = context
    this.spanId = spanId
    this.name = described.name
    this.attributes = described.attributes
    this.#sink = sink
    this.startMs = sink.nowMs()
  }

  /** The context that the next hop receives: this span is its parent. */
  get traceparent(): string {
    return toTraceparent(this.context, this.spanId)
  }

  /** Notes something that happened now. Past 128 events, and after the end, nothing is noted. */
  event(name: string, attributes: SpanAttributes = {}): void {
    if (this.ending !== undefined || this.#events.length >= EVENT_COUNT) return
    this.#events.push({ name, atMs: this.#sink.nowMs(), attributes })
  }

  /** Notes what `describe` says that happened now; it is asked when the span leaves. One of them is kept, the first. */
  detail(describe: () => readonly SpanDetail[]): void {
    if (this.ending !== undefined || this.#details !== undefined) return
    this.#details = describe
    this.#detailsMs = this.#sink.nowMs()
  }

  /** What happened, the details last; 128 at most. */
  get events(): readonly SpanEvent[] {
    const atMs = this.#detailsMs
    const details = this.#details?.() ?? []
    return [...this.#events, ...details.map((detail) => ({ ...detail, atMs }))].slice(0, EVENT_COUNT)
  }

  /** Ends the span and hands it over. Only the first call counts. */
  end(ending: SpanEnd): void {
    if (this.ending !== undefined) return
    this.ending = ending
    this.endMs = Math.max(this.#sink.nowMs(), this.startMs)
    this.#sink.onEnd(this)
  }
}
