import { LIMITS } from '../core/limits.ts'
import type { MeshErrorCode } from '../core/mesh-errors.ts'
import type { GrpcStatus } from '../http/grpc-status.ts'
import type { Wire } from '../http/streams.ts'

/** What happened in one exchange: made once, when it ends, and read by the access log, the metrics and the decision ring. */
export interface ExchangeRecord {
  /** `outbound`: our application called; `inbound`: it was called. */
  readonly direction: 'inbound' | 'outbound'
  /** When it began, wall-clock milliseconds. */
  readonly startMs: number
  /** From the request's head to the response's end, milliseconds. */
  readonly durationMs: number
  readonly method: string
  /** Path and query as the caller sent them. Writers cut the query off, and what is over-long. */
  readonly path: string
  readonly authority: string
  /** The caller's wire. */
  readonly protocol: Wire
  /** Final status; 0 when the exchange ended without one. */
  readonly status: number
  /** What gRPC said of the answer, when the caller spoke it. */
  readonly grpcStatus?: GrpcStatus | undefined
  /** The flag of the error table; '-' when the mesh had nothing to say against it. */
  readonly flag: string
  /** The error's code, when the mesh itself answered or broke off. */
  readonly code?: MeshErrorCode | undefined
  /** `namespace/name`; '' when no service was found. */
  readonly service: string
  /** Name of the route manifest, or 'implicit'; '' when none matched. */
  readonly route: string
  /** Address of the last endpoint tried, `ip:port`; '' when none was. */
  readonly endpoint: string
  /** Where the caller's connection comes from, `ip:port`. */
  readonly peerAddress: string
  /** Proven SPIFFE ID of the peer: the caller inbound, the callee outbound; '' without mutual TLS. */
  readonly peerIdentity: string
  /** Tries made; 0 when the mesh answered by itself. */
  readonly attempts: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** Present when the trace is sampled. */
  readonly traceId?: string | undefined
  /** The manifest and rule that decided, when one did: `AuthorizationPolicy shop/allow-web rule 0`. */
  readonly policy?: string | undefined
}

/** The path without its query: what may stand in logs and spans, since queries carry secrets. */
export const withoutQuery = (path: string): string => keepable(path, path.indexOf('?'))

/**
 * The text up to `end` (negative: all of it), cut to `keptTextCount` characters, for logs, spans and remembered decisions.
 * Of a long text a copy: a slice of a string keeps the whole in memory.
 */
export function keepable(text: string, end = -1): string {
  const to = end < 0 ? text.length : end
  if (text.length <= LIMITS.keptTextCount) return to === text.length ? text : text.slice(0, to)
  const kept = Buffer.from(text.slice(0, Math.min(to, LIMITS.keptTextCount))).toString()
  return to > LIMITS.keptTextCount ? `${kept}…` : kept
}
