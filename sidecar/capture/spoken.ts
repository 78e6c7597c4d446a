import { byteAt } from '../core/byte-at.ts'
import { LIMITS } from '../core/limits.ts'
import { TARGET, TOKEN_LOWER } from '../http/octets.ts'
import { CLIENT_PREFACE } from '../http2/frame/frame-type.ts'

/** What a connection speaks, by what its client says first; `more`: too little came to tell. */
export type Spoken = 'http1' | 'http2' | 'tls' | 'tcp' | 'more'

/** HTTP/2 with prior knowledge begins with these (RFC 9113 §3.4), and no request of HTTP/1 does: `PRI` is reserved. */
const PREFACE_LINE = CLIENT_PREFACE.subarray(0, 'PRI * HTTP/2.0\r\n'.length)

/** Tells HTTP/2 from HTTP/1 where it is one of them; what is neither is for the reader of HTTP/1 to refuse. */
export function spokenOfHttp(octets: Buffer): 'http1' | 'http2' | 'more' {
  const count = Math.min(octets.length, PREFACE_LINE.length)
  if (octets.compare(PREFACE_LINE, 0, count, 0, count) !== 0) return 'http1'
  return count === PREFACE_LINE.length ? 'http2' : 'more'
}

const SP = 0x20
const CR = 0x0d
const LF = 0x0a
/** No method in use is longer. */
const LONGEST_METHOD = 32

/**
 * Tells protocols apart by the first octets of a connection whose port does not say what it speaks. Each answer but
 * `more` is final: more octets would not change it.
 */
export function spokenFirst(octets: Buffer): Spoken {
  const first = octets.length === 0 ? -1 : byteAt(octets, 0)
  if (first === 0x16) return asTls(octets)
  const http = spokenOfHttp(octets)
  return http === 'http1' ? asHttp1(octets) : http
}

/** A TLS record with a ClientHello (RFC 8446 §5.1, §4): type 22, version 3.x, and handshake type 1 behind the length. */
function asTls(octets: Buffer): Spoken {
  const isRecord =
    (octets.length < 2 || byteAt(octets, 1) === 3) &&
    (octets.length < 3 || byteAt(octets, 2) <= 4) &&
    (octets.length < 6 || byteAt(octets, 5) === 1)
  if (!isRecord) return 'tcp'
  return octets.length < 6 ? 'more' : 'tls'
}

/** A request line (RFC 9112 §3): method, target and `HTTP/1.x`, to its end: `get key` and `PING` are other protocols' lines. */
function asHttp1(octets: Buffer): Spoken {
  const { length } = octets
  let at = 0
  while (at < length && byteAt(TOKEN_LOWER, byteAt(octets, at)) > 0) at++
  if (at > LONGEST_METHOD) return 'tcp'
  if (at === length) return 'more'
  if (at === 0 || byteAt(octets, at) !== SP) return 'tcp'
  const targetAt = ++at
  while (at < length && byteAt(TARGET, byteAt(octets, at)) > 0) at++
  if (at === length) return length > LIMITS.requestLineBytes ? 'http1' : 'more'
  if (at === targetAt || byteAt(octets, at) !== SP) return 'tcp'
  return asVersion(octets, at + 1)
}

const VERSION = Buffer.from('HTTP/1.')

function asVersion(octets: Buffer, at: number): Spoken {
  const count = Math.min(octets.length - at, VERSION.length)
  if (octets.compare(VERSION, 0, count, at, at + count) !== 0) return 'tcp'
  const digitAt = at + VERSION.length
  if (octets.length <= digitAt) return 'more'
  const digit = byteAt(octets, digitAt)
  if (digit < 0x30 || digit > 0x39) return 'tcp'
  if (octets.length === digitAt + 1) return 'more'
  const next = byteAt(octets, digitAt + 1)
  return next === CR || next === LF ? 'http1' : 'tcp'
}
