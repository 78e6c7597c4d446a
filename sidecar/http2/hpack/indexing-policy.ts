/**
 * What our encoder does with a field:
 * `index`: into the table once it has come twice; `volatile`: its value rarely comes again, so at most its name goes into
 * the table; `secret`: never indexed by anybody on the way (RFC 7541 §7.1.3).
 */
export type IndexingPolicy = 'index' | 'volatile' | 'secret'

/** `Map`, because callers choose the key. Names that are not here are indexed. */
const POLICIES: ReadonlyMap<string, IndexingPolicy> = new Map<string, IndexingPolicy>([
  ['authorization', 'secret'],
  ['proxy-authorization', 'secret'],
  ['cookie', 'secret'],
  ['set-cookie', 'secret'],
  ['x-api-key', 'secret'],
  ['x-csrf-token', 'secret'],
  ['content-length', 'volatile'],
  ['content-range', 'volatile'],
  ['date', 'volatile'],
  ['etag', 'volatile'],
  ['last-modified', 'volatile'],
  ['if-none-match', 'volatile'],
  ['if-modified-since', 'volatile'],
  ['age', 'volatile'],
  ['expires', 'volatile'],
  ['traceparent', 'volatile'],
  ['tracestate', 'volatile'],
  ['baggage', 'volatile'],
  ['b3', 'volatile'],
  ['x-b3-traceid', 'volatile'],
  ['x-b3-spanid', 'volatile'],
  ['x-b3-parentspanid', 'volatile'],
  ['x-request-id', 'volatile'],
  ['x-correlation-id', 'volatile'],
  ['idempotency-key', 'volatile'],
  ['grpc-timeout', 'volatile'],
  ['grpc-message', 'volatile'],
])

/** The policy of fields called `name`. */
export const indexingPolicy = (name: string): IndexingPolicy => POLICIES.get(name) ?? 'index'
