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
 * not (`get key`, `PING`), and controls in a first word, are something else; but not those controls that are blanks to
 * some servers. No more is looked at than a request line may have, however much came at once.
 */
function byFirstLine(octets: Buffer): Spoken {
  const end = Math.min(octets.length, LIMITS.requestLineBytes)
  let start = 0
  let isBlank = true
  let hasWord = false
  for (let at = 0; at < end; at++) {
    const octet = byteAt(octets, at)
    if (octet === LF && !isBlank) return namesHttp(octets.toString('latin1', start, at)) ? 'http1' : 'tcp'
    if (octet === LF) start = at + 1
    else if (octet === SP || octet === TAB) hasWord ||= !isBlank
    else if (octet > SP) isBlank = false
    else if (!hasWord && !isLenientBlank(octet)) return 'tcp'
  }
  return octets.length > end ? 'http1' : 'more'
}

/** CR, and what Python's `str.split` takes for white space: its `http.server` reads a request line so. */
const isLenientBlank = (octet: number): boolean =>
  octet === CR || octet === 0x0b || octet === 0x0c || (octet >= 0x1c && octet <= 0x1f)

/** By its version; or a request of HTTP/0.9, which has none and which servers still answer (nginx, Apache, Python). */
const namesHttp = (line: string): boolean => /http\/[0-9]/i.test(line) || /^[^!-~]*GET[^!-~]+(\/|https?:)/.test(line)

const LINE_END = Buffer.from([LF])

/** Whether what a client said before it ended is HTTP: some servers take the end for the end of the line. */
export function isHttpAtEnd(octets: Buffer): boolean {
  const spoken = spokenFirst(Buffer.concat([octets, LINE_END]))
  return spoken === 'http1' || spoken === 'http2'
}

const STATUS_LINE = Buffer.from('HTTP/')
const FRAME_HEADER = 9
const SETTINGS = 4
/** 6 octets for each of them, of which a server says a handful. */
const SETTINGS_BYTES = 64 * 6

/**
 * Whether a server that speaks first may speak HTTP: those of HTTP/2 may send their SETTINGS before the client's preface
 * comes (RFC 9113 §3.4; Node and gRPC do), those of HTTP/1 answer 408 to silence. Few octets may be anything.
 */
export function mayBeHttpServer(octets: Buffer): boolean {
  const count = Math.min(octets.length, STATUS_LINE.length)
  if (octets.compare(STATUS_LINE, 0, count, 0, count) === 0) return true
  const header = Buffer.alloc(FRAME_HEADER)
  octets.copy(header)
  if (octets.length < 4) header[3] = SETTINGS
  const length = header.readUIntBE(0, 3)
  return length <= SETTINGS_BYTES && header[3] === SETTINGS && header.readUIntBE(4, 5) === 0
}
