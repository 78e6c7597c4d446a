import { byteAt } from '../core/byte-at.ts'
import { TOKEN_LOWER } from '../http/octets.ts'

/** What HTTP/1 itself must do with a field. */
export const FieldKind = {
  /** Passed on as it is. */
  plain: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  te: 5,
  upgrade: 6,
  expect: 7,
  keepAlive: 8,
  /** Ends at this hop and says nothing that we need. */
  dropped: 9,
} as const

const SPECIAL: readonly (readonly [string, number])[] = [
  ['host', FieldKind.host],
  ['content-length', FieldKind.contentLength],
  ['transfer-encoding', FieldKind.transferEncoding],
  ['connection', FieldKind.connection],
  ['te', FieldKind.te],
  ['upgrade', FieldKind.upgrade],
  ['expect', FieldKind.expect],
  ['keep-alive', FieldKind.keepAlive],
  ['proxy-connection', FieldKind.dropped],
  ['http2-settings', FieldKind.dropped],
]

const PLAIN =
  'accept accept-charset accept-encoding accept-language accept-ranges access-control-allow-credentials access-control-allow-headers ' +
  'access-control-allow-methods access-control-allow-origin access-control-expose-headers access-control-max-age ' +
  'access-control-request-headers access-control-request-method age allow alt-svc authorization b3 baggage cache-control ' +
  'content-disposition content-encoding content-language content-location content-range content-security-policy content-type ' +
  'cookie date dnt etag expires forwarded from grpc-encoding grpc-message grpc-status grpc-timeout idempotency-key if-match ' +
  'if-modified-since if-none-match if-range if-unmodified-since last-modified link location max-forwards origin pragma priority ' +
  'range referer referrer-policy retry-after sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode ' +
  'sec-fetch-site sec-fetch-user sec-websocket-accept sec-websocket-extensions sec-websocket-key sec-websocket-protocol ' +
  'sec-websocket-version server server-timing set-cookie strict-transport-security traceparent tracestate trailer ' +
  'upgrade-insecure-requests user-agent vary via www-authenticate x-api-key x-b3-parentspanid x-b3-sampled x-b3-spanid ' +
  'x-b3-traceid x-content-type-options x-correlation-id x-envoy-upstream-service-time x-forwarded-client-cert x-forwarded-for ' +
  'x-forwarded-host x-forwarded-port x-forwarded-proto x-frame-options x-mesh-attempt x-outrigger-error x-powered-by ' +
  'x-real-ip x-request-id x-requested-with x-trace-id x-xss-protection'

/** A name that is one string for the whole process. */
export interface KnownName {
  readonly name: string
  readonly kind: number
}

const SLOT_COUNT = 1024
const slots: ((KnownName & { readonly octets: Buffer }) | undefined)[] = new Array(SLOT_COUNT).fill(undefined)

/** One step of the hash that `findKnownName` goes by, over octets in lower case. */
export const hashStep = (hash: number, lower: number): number => (Math.imul(hash, 31) + lower) | 0

function slotOf(hash: number): number {
  return (hash ^ (hash >>> 11)) & (SLOT_COUNT - 1)
}

function add(name: string, kind: number): void {
  let hash = 0
  const octets = Buffer.from(name, 'latin1')
  for (const octet of octets) hash = hashStep(hash, octet)
  let slot = slotOf(hash)
  while (slots[slot] !== undefined) slot = (slot + 1) & (SLOT_COUNT - 1)
  slots[slot] = { name, octets, kind }
}

for (const [name, kind] of SPECIAL) add(name, kind)
for (const name of PLAIN.split(' ')) add(name, FieldKind.plain)

/** The known name that stands, in any case, in `bytes` from `from` to `to`; `hash` is `hashStep` over it. */
export function findKnownName(bytes: Buffer, from: number, to: number, hash: number): KnownName | undefined {
  for (let slot = slotOf(hash); ; slot = (slot + 1) & (SLOT_COUNT - 1)) {
    const known = slots[slot]
    if (known === undefined) return undefined
    if (known.octets.length === to - from && isSame(known.octets, bytes, from)) return known
  }
}

/** Names of applications' own fields, the latest of each slot: whatever a stranger sends, it stays this small. */
const LEARNED_COUNT = 512
const LEARNED_NAME_BYTES = 64
const learned: (KnownName | undefined)[] = new Array(LEARNED_COUNT).fill(undefined)

/** The name between the offsets, in lower case, for a name that is not known: the same string as last time, where it can be. */
export function learnName(bytes: Buffer, from: number, to: number, hash: number): KnownName {
  const slot = slotOf(hash) & (LEARNED_COUNT - 1)
  const candidate = learned[slot]
  if (candidate !== undefined && candidate.name.length === to - from && isSameText(candidate.name, bytes, from)) {
    return candidate
  }
  const name = bytes.toString('latin1', from, to).toLowerCase()
  const entry = { name, kind: FieldKind.plain }
  if (to - from <= LEARNED_NAME_BYTES) learned[slot] = entry
  return entry
}

function isSame(octets: Buffer, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < octets.length; i++) if (octets[i] !== TOKEN_LOWER[byteAt(bytes, from + i)]) return false
  return true
}

function isSameText(name: string, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== TOKEN_LOWER[byteAt(bytes, from + i)]) return false
  return true
}
