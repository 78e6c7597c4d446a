import { byteAt } from '../core/byte-at.ts'
import { LIMITS } from '../core/limits.ts'
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

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SP = 0x20

/**
 * Tells protocols apart by the first octets of a connection whose port does not say what it speaks. Each answer but
 * `more` is final: more octets would not change it.
 */
export function spokenFirst(octets: Buffer): Spoken {
  if (octets.length > 0 && byteAt(octets, 0) === 0x16) return asTls(octets)
  const http = spokenOfHttp(octets)
  return http === 'http1' ? byFirstLine(octets) : http
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

/**
 * A first line that names HTTP anywhere is for the reader of HTTP to take or to refuse, for it is not only what is well
 * formed that some server takes for a request: carried as it is, past every rule, it must not be. A line that does
 * not (`get key`, `PING`), and controls in a first word, are something else.
 */
function byFirstLine(octets: Buffer): Spoken {
  const { length } = octets
  let start = 0
  while (start < length && isLineEnd(byteAt(octets, start))) start++
  let hasWord = false
  for (let at = start; at < length; at++) {
    const octet = byteAt(octets, at)
    if (octet === LF) return namesHttp(octets, start, at) ? 'http1' : 'tcp'
    if (octet === SP || octet === TAB) hasWord = true
    else if (octet < SP && octet !== CR && !hasWord) return 'tcp'
  }
  return length > LIMITS.requestLineBytes ? 'http1' : 'more'
}

const isLineEnd = (octet: number): boolean => octet === CR || octet === LF

const namesHttp = (octets: Buffer, start: number, end: number): boolean =>
  /http\/[0-9]/i.test(octets.toString('latin1', start, Math.min(end, start + LIMITS.requestLineBytes)))
