/**
 * How often each defence of HTTP/1 refused a message or gave a connection up. One object may be shared by many
 * connections; messages of callers and those of applications are counted apart.
 */
export interface Http1Counters {
  /** A head of too many octets: 431. */
  headTooLarge: number
  /** A head, or trailers, of too many fields: 431. */
  tooManyFields: number
  /** 414. */
  targetTooLong: number
  /** A start line or field line that is none: white space, controls, bare CR or LF (RFC 9112 §2.2, §5). */
  malformedHead: number
  /** No Host, two, or one that names no host (RFC 9112 §3.2). */
  invalidHost: number
  /** Transfer-Encoding beside Content-Length: CL.TE and TE.CL smuggling (RFC 9112 §6.1). */
  conflictingFraming: number
  /** A Content-Length that is no plain number, or comes twice. */
  invalidLength: number
  /** A Transfer-Encoding other than `chunked`: TE.TE smuggling. */
  invalidCoding: number
  /** A chunk that is not as long as it says, or says it otherwise than in plain hexadecimal. */
  malformedChunk: number
  /** Chunk extensions without end. */
  chunkExtensions: number
  /** A tunnel asked for with a body (RFC 9110 §9.3.6). */
  tunnelWithBody: number
  /** An expectation, or a version, that is not served. */
  unservedDemand: number
  /** A head, or the short body that it announced, that did not end in time: slowloris. */
  slowHead: number
  /** A body that did not come on. */
  stalledBody: number
  /** An answer that was not taken: slow read. */
  unreadAnswer: number
  /** Reading was stopped behind requests that wait for their turn: pipelining without reading, CVE-2026-93491. */
  pipelining: number
  /** Reading was put off: the connection had had its share of the turn. */
  heldBack: number
  /** The rest of a body that nobody read was too long to be read over. */
  unwantedBody: number
  /** Interim responses without end. */
  interimFlood: number
  /** Octets behind, or before, a response that nobody asked for: response splitting. */
  strayOctets: number
  /** A message that ended before its body was complete. */
  truncated: number
}

/** What a decoder counts a violation by. */
export type Http1Limit = keyof Http1Counters

/** Fresh counters. */
export const http1Counters = (): Http1Counters => ({
  headTooLarge: 0,
  tooManyFields: 0,
  targetTooLong: 0,
  malformedHead: 0,
  invalidHost: 0,
  conflictingFraming: 0,
  invalidLength: 0,
  invalidCoding: 0,
  malformedChunk: 0,
  chunkExtensions: 0,
  tunnelWithBody: 0,
  unservedDemand: 0,
  slowHead: 0,
  stalledBody: 0,
  unreadAnswer: 0,
  pipelining: 0,
  heldBack: 0,
  unwantedBody: 0,
  interimFlood: 0,
  strayOctets: 0,
  truncated: 0,
})
