import type { GrpcStatus } from '../http/grpc-status.ts'
import type { Wire } from '../http/streams.ts'
import { withoutQuery } from './exchange-record.ts'
import type { LiveSpan, SpanAttributes, SpanEnd } from './live-span.ts'

/** What is known of a try when it begins. */
export interface ClientSpanFacts {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  /** Path and query; the query is left out of the span. */
  readonly path: string
  /** `namespace/name` of the callee. */
  readonly service: string
  /** Name of the route manifest; '' when none matched. */
  readonly route: string
  /** `ip:port` of the endpoint; '' when none was picked. */
  readonly endpointAddress: string
  /** 1 for the first try. */
  readonly attempt: number
  /** Identity that the endpoint must prove; '' without mutual TLS. */
  readonly peerIdentity: string
  readonly isGrpc: boolean
}

/** What is known of an inbound exchange when it begins. */
export interface ServerSpanFacts {
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly authority: string
  readonly path: string
  /** `namespace/name` of the service that was addressed; '' when unknown. */
  readonly service: string
  /** `ip:port` of the connection's other end. */
  readonly peerAddress: string
  /** Proven identity of the caller; '' without mutual TLS. */
  readonly peerIdentity: string
  readonly protocol: Wire
  readonly isGrpc: boolean
}

/** Name and first attributes of a span. */
export interface SpanDescription {
  readonly name: string
  readonly attributes: SpanAttributes
}

/** OpenTelemetry semantic conventions for HTTP CLIENT spans (1.45): one for each try, `resend_count` from the second on. */
export function describeClientSpan(facts: ClientSpanFacts): SpanDescription {
  const attributes = describe(facts)
  attributes['url.full'] = `${facts.scheme}://${facts.authority}${withoutQuery(facts.path)}`
  if (facts.attempt > 1) attributes['http.request.resend_count'] = facts.attempt - 1
  if (facts.route !== '') attributes['mesh.route'] = facts.route
  if (facts.endpointAddress !== '') addAddress(attributes, 'network.peer', facts.endpointAddress)
  return { name: nameOf(facts), attributes }
}

/** OpenTelemetry semantic conventions for HTTP SERVER spans (1.45). */
export function describeServerSpan(facts: ServerSpanFacts): SpanDescription {
  const attributes = describe(facts)
  attributes['url.path'] = withoutQuery(facts.path)
  attributes['url.scheme'] = facts.scheme
  if (facts.protocol !== 'tcp') attributes['network.protocol.version'] = facts.protocol === 'h2' ? '2' : '1.1'
  addAddress(attributes, 'network.peer', facts.peerAddress)
  const client = attributes['network.peer.address']
  if (client !== undefined) attributes['client.address'] = client
  return { name: nameOf(facts), attributes }
}

/** What the end of a span adds to it: attributes, and whether the span counts as an error. */
export function describeEnd(
  kind: LiveSpan['kind'],
  isGrpc: boolean,
  end: SpanEnd,
): { attributes: SpanAttributes; isError: boolean } {
  const attributes: SpanAttributes = {}
  if (end.status > 0) attributes['http.response.status_code'] = end.status
  if (end.flag !== undefined && end.flag !== '-') attributes['mesh.response_flags'] = end.flag
  if (end.policy !== undefined) attributes['mesh.policy'] = end.policy
  const grpc = isGrpc ? end.grpcStatus : undefined
  if (grpc !== undefined) attributes['rpc.status_code'] = grpc
  // A 4xx is the caller's error: it marks the CLIENT span and not the SERVER span.
  const isHttpError = end.status >= (kind === 'client' ? 400 : 500)
  const isGrpcError = grpc !== undefined && (kind === 'client' ? grpc !== 'OK' : SERVER_ERRORS.has(grpc))
  const isError = isHttpError || isGrpcError || (end.error !== undefined && (kind === 'client' || end.status === 0))
  if (isError) attributes['error.type'] = end.error ?? (isGrpcError ? (grpc ?? '') : String(end.status))
  return { attributes, isError }
}

/** Methods that may stand in a span (RFC 9110 §9.3, RFC 5789); others could be anything that a caller makes up. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])
/** gRPC statuses that mean a fault of the server (semantic conventions for gRPC). */
const SERVER_ERRORS: ReadonlySet<GrpcStatus> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
])
const GRPC_PATH = /^\/([\w.]{1,200}\/\w{1,100})$/

type CommonFacts = Pick<ClientSpanFacts, 'method' | 'authority' | 'path' | 'service' | 'peerIdentity' | 'isGrpc'>

const grpcMethod = (path: string): string => GRPC_PATH.exec(path)?.[1] ?? '_OTHER'

/** `{method}`, never the raw path, whose number of values has no bound; gRPC: the method's full name. */
function nameOf(facts: CommonFacts): string {
  if (facts.isGrpc) return grpcMethod(facts.path)
  return METHODS.has(facts.method) ? facts.method : 'HTTP'
}

function describe(facts: CommonFacts): SpanAttributes {
  const attributes: SpanAttributes = {
    'mesh.component': 'sidecar',
    'http.request.method': METHODS.has(facts.method) ? facts.method : '_OTHER',
  }
  addAddress(attributes, 'server', facts.authority)
  if (facts.service !== '') attributes['mesh.service'] = facts.service
  if (facts.peerIdentity !== '') attributes['mesh.peer.identity'] = facts.peerIdentity
  if (facts.isGrpc) {
    attributes['rpc.system.name'] = 'grpc'
    attributes['rpc.method'] = grpcMethod(facts.path)
  }
  return attributes
}

/** `host`, `host:port`, `ip:port` or `[ip]:port` as `<prefix>.address` and `<prefix>.port`. */
function addAddress(attributes: SpanAttributes, prefix: string, text: string): void {
  const match = /^(?:\[([^\]]+)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text)
  const address = match === null ? text : (match[1] ?? match[2] ?? '')
  if (address === '') return
  attributes[`${prefix}.address`] = address
  if (match?.[3] !== undefined) attributes[`${prefix}.port`] = Number(match[3])
}
