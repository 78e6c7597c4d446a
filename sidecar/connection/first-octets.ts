import { CLIENT_PREFACE } from '../http2/frame/frame-type.ts'

/** What a connection speaks, by its first octets; `more`: too few came to tell. */
export type Spoken = 'http1' | 'http2' | 'more'

/** HTTP/2 with prior knowledge begins with these (RFC 9113 §3.4), and no request of HTTP/1 does: `PRI` is reserved. */
const PREFACE_LINE = CLIENT_PREFACE.subarray(0, 'PRI * HTTP/2.0\r\n'.length)

/** Tells HTTP/2 from HTTP/1; what is neither is for the reader of HTTP/1 to refuse. */
export function spokenBy(octets: Buffer): Spoken {
  const count = Math.min(octets.length, PREFACE_LINE.length)
  if (octets.compare(PREFACE_LINE, 0, count, 0, count) !== 0) return 'http1'
  return count === PREFACE_LINE.length ? 'http2' : 'more'
}
