import { LIMITS } from '../../sidecar/core/limits.ts'
import type { ReceivedSpan } from './received-span.ts'

/** One line about a trace. */
export interface TraceSummary {
  readonly traceId: string
  readonly spans: number
  readonly services: readonly string[]
  readonly startMs: number
  readonly durationMs: number
  readonly hasError: boolean
}

/** The latest traces, in memory and bounded: the trace that was longest without a new span goes first. */
export class TraceStore {
  readonly #traces = new Map<string, Map<string, ReceivedSpan>>()
  readonly #maxTraces: number

  constructor(maxTraces: number = LIMITS.receivedTraceCount) {
    this.#maxTraces = maxTraces
  }

  /** Keeps one span. False when its trace has as many as are kept. A span that is sent twice is kept once. */
  add(span: ReceivedSpan): boolean {
    const spans = this.#traces.get(span.traceId) ?? new Map<string, ReceivedSpan>()
    this.#traces.delete(span.traceId)
    this.#traces.set(span.traceId, spans)
    if (this.#traces.size > this.#maxTraces) {
      const [oldest] = this.#traces.keys()
      if (oldest !== undefined) this.#traces.delete(oldest)
    }
    if (spans.size >= LIMITS.receivedSpansPerTraceCount && !spans.has(span.spanId)) return false
    spans.set(span.spanId, span)
    return true
  }

  /** The spans of a trace, in order of their start; empty when it is not known. */
  spans(traceId: string): readonly ReceivedSpan[] {
    return [...(this.#traces.get(traceId)?.values() ?? [])].sort((a, b) => a.startMs - b.startMs)
  }

  /** All traces, the one that changed last first. */
  list(): readonly TraceSummary[] {
    return [...this.#traces.keys()].reverse().map((traceId) => this.#summary(traceId))
  }

  clear(): void {
    this.#traces.clear()
  }

  #summary(traceId: string): TraceSummary {
    const spans = this.spans(traceId)
    const startMs = spans[0]?.startMs ?? 0
    return {
      traceId,
      spans: spans.length,
      services: [...new Set(spans.map((span) => span.service))],
      startMs,
      durationMs: spans.reduce((end, span) => Math.max(end, span.endMs), startMs) - startMs,
      hasError: spans.some((span) => span.isError),
    }
  }
}
