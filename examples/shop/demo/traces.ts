import type { ReceivedSpan } from '../../../control-plane/telemetry/received-span.ts'
import type { TraceStore } from '../../../control-plane/telemetry/trace-store.ts'
import { isJoined } from '../../../control-plane/telemetry/trace-tree.ts'

/** The hops of a page, from the caller on. */
const HOPS = ['shop/web', 'shop/orders', 'shop/inventory'] as const

/** Ids of the traces that are one tree with a CLIENT and a SERVER span for every hop, each under the hop before it. */
export function joinedTraces(store: TraceStore): readonly string[] {
  return store
    .list()
    .map(({ traceId }) => traceId)
    .filter((traceId) => {
      const spans = store.spans(traceId)
      return isJoined(spans) && hasAllHops(spans)
    })
}

function hasAllHops(spans: readonly ReceivedSpan[]): boolean {
  let parents: readonly ReceivedSpan[] | undefined
  for (const hop of HOPS) {
    for (const kind of ['client', 'server'] as const) {
      const found: readonly ReceivedSpan[] = spans.filter(
        (span) =>
          span.kind === kind &&
          isOf(span, hop) &&
          (parents === undefined
            ? span.parentSpanId === ''
            : parents.some((parent) => parent.spanId === span.parentSpanId)),
      )
      if (found.length === 0) return false
      parents = found
    }
  }
  return true
}

/** A route may have led to a version of the service. */
const isOf = ({ attributes }: ReceivedSpan, hop: string): boolean => {
  const service = String(attributes['mesh.service'] ?? '')
  return service === hop || service.startsWith(`${hop}-`)
}
