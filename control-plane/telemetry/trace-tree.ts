import type { ReceivedSpan } from './received-span.ts'

/** A span with the spans that it caused. */
export interface TraceNode {
  readonly span: ReceivedSpan
  readonly children: readonly TraceNode[]
}

/** A trace as trees. One tree means that every hop handed the context on. */
export interface TraceTree {
  readonly roots: readonly TraceNode[]
  /** Spans whose parent was not received: something between lost the context, or has not reported yet. */
  readonly orphans: readonly ReceivedSpan[]
  /** All spans are in one tree. */
  readonly isJoined: boolean
}

/** Joins the spans of one trace by their parents. Orphans are roots too, so that nothing is hidden. */
export function toTraceTree(spans: readonly ReceivedSpan[]): TraceTree {
  const known = new Map(spans.map((span) => [span.spanId, span]))
  const byParent = new Map<string, ReceivedSpan[]>()
  const tops: ReceivedSpan[] = []
  const orphans: ReceivedSpan[] = []
  for (const span of [...known.values()].sort((a, b) => a.startMs - b.startMs)) {
    const isTop = span.parentSpanId === '' || !known.has(span.parentSpanId)
    if (isTop) tops.push(span)
    if (isTop && span.parentSpanId !== '') orphans.push(span)
    if (!isTop) byParent.set(span.parentSpanId, [...(byParent.get(span.parentSpanId) ?? []), span])
  }
  let placed = 0
  const toNode = (span: ReceivedSpan): TraceNode => {
    placed++
    return { span, children: (byParent.get(span.spanId) ?? []).map(toNode) }
  }
  const roots = tops.map(toNode)
  // Spans that name each other as parents are in no tree: not all are placed.
  return { roots, orphans, isJoined: roots.length === 1 && orphans.length === 0 && placed === known.size }
}

/** True when all spans are in one tree, from one root. */
export function isJoined(spans: readonly ReceivedSpan[]): boolean {
  return toTraceTree(spans).isJoined
}

/**
 * A trace as text, a line for each span: when it began, how long it took, who, what, how it ended.
 *
 *     0.0 ms   12.4 ms  web        CLIENT GET http://orders/items → shop/orders 200
 *     0.8 ms   10.9 ms  └ orders   SERVER GET /items 200 from spiffe://…/sa/web
 */
export function printTrace(spans: readonly ReceivedSpan[]): string {
  const tree = toTraceTree(spans)
  const originMs = Math.min(...spans.map((span) => span.startMs))
  const rows: { readonly span: ReceivedSpan; readonly who: string }[] = []
  const visit = (node: TraceNode, depth: number): void => {
    rows.push({ span: node.span, who: `${depth === 0 ? '' : `${'  '.repeat(depth - 1)}└ `}${node.span.service}` })
    for (const child of node.children) visit(child, depth + 1)
  }
  for (const root of tree.roots) visit(root, 0)
  const width = Math.max(0, ...rows.map((row) => row.who.length))
  const lost = new Set(tree.orphans)
  return rows
    .map(({ span, who }) => {
      const times = `${inMs(span.startMs - originMs)}  ${inMs(span.endMs - span.startMs)}`
      return `${times}  ${who.padEnd(width)}  ${describe(span)}${lost.has(span) ? '  (parent not received)' : ''}`
    })
    .join('\n')
}

const inMs = (ms: number): string => `${ms.toFixed(1).padStart(7)} ms`

function describe(span: ReceivedSpan): string {
  const { attributes } = span
  const shown = (name: string): string => String(attributes[name] ?? '')
  const parts = [span.kind.toUpperCase(), span.name, shown('url.full') || shown('url.path')]
  if (span.kind === 'client' && 'mesh.service' in attributes) parts.push(`→ ${shown('mesh.service')}`)
  if ('http.request.resend_count' in attributes) parts.push(`(repeat ${shown('http.request.resend_count')})`)
  parts.push(shown('http.response.status_code'))
  if (span.isError) parts.push(`error ${shown('error.type')}`.trim())
  if ('mesh.response_flags' in attributes) parts.push(`flag ${shown('mesh.response_flags')}`)
  if (span.kind === 'server' && 'mesh.peer.identity' in attributes) parts.push(`from ${shown('mesh.peer.identity')}`)
  return parts.filter((part) => part !== '').join(' ')
}
