import { LIMITS } from '../core/limits.ts'
import type { MeshErrorCode } from '../core/mesh-errors.ts'
import { INVALID_LENGTH, parseContentLength } from '../http/content-length.ts'
import { listItems, trimSpace } from '../http/fields.ts'
import { isToken } from '../http/octets.ts'
import type { Http1Limit } from './http1-counters.ts'
import { FieldKind } from './known-names.ts'
import type { HeadLine, LineSet } from './line-set.ts'

/** What the fields that HTTP/1 itself reads have said. Filled by `readFraming`; reused. */
export interface Framing {
  /** Values of all `Host` fields; more than one is a problem. */
  host: string | undefined
  /** −1 without `Content-Length`. */
  contentLength: number
  isChunked: boolean
  /** `Connection: close` and its kin. */
  wantsClose: boolean
  wantsKeepAlive: boolean
  /** `Connection` nominated `upgrade`. */
  nominatesUpgrade: boolean
  /** Values of all `Connection` fields, when they nominate something else than close, keep-alive, upgrade or te. */
  nominated: string | undefined
  /** Elements of all `Connection` fields that are more than one word. */
  optionCount: number
  /** `Keep-Alive: timeout`, ms; Infinity without. */
  idleMs: number
  upgrade: string | undefined
  expect: string | undefined
  code: MeshErrorCode
  limit: Http1Limit
  /** '' when all is well. */
  problem: string
}

/** A fresh one, to be reused. */
export const newFraming = (): Framing => ({
  host: undefined,
  contentLength: -1,
  isChunked: false,
  wantsClose: false,
  wantsKeepAlive: false,
  nominatesUpgrade: false,
  nominated: undefined,
  optionCount: 0,
  idleMs: Number.POSITIVE_INFINITY,
  upgrade: undefined,
  expect: undefined,
  code: 'bad-request',
  limit: 'malformedHead',
  problem: '',
})

/**
 * Walks the fields of a head once: what is passed on goes to `fields`, what frames the message or ends at this hop to
 * `framing`. Judges length and coding alike for requests and responses (RFC 9112 §6.1, §6.3): both at once, twice the same
 * one, anything but exactly `chunked`, are problems.
 */
export function readFraming(lines: LineSet, isHttp10: boolean, fields: string[], framing: Framing): void {
  framing.host = undefined
  framing.contentLength = -1
  framing.isChunked = false
  framing.wantsClose = false
  framing.wantsKeepAlive = false
  framing.nominatesUpgrade = false
  framing.nominated = undefined
  framing.optionCount = 0
  framing.idleMs = Number.POSITIVE_INFINITY
  framing.upgrade = undefined
  framing.expect = undefined
  framing.problem = ''
  for (let i = 1; i <= lines.fieldCount; i++) {
    const line = lines.lines[i] as HeadLine
    if (line.kind === FieldKind.plain) fields.push(line.name, line.value)
    else readSpecial(line.kind, line.value, isHttp10, fields, framing)
  }
  if (framing.isChunked && framing.contentLength >= 0) {
    refuse(framing, 'conflictingFraming', 'both Transfer-Encoding and Content-Length')
  }
}

function readSpecial(kind: number, value: string, isHttp10: boolean, fields: string[], framing: Framing): void {
  switch (kind) {
    case FieldKind.host:
      if (framing.host !== undefined) refuse(framing, 'invalidHost', 'more than one Host')
      framing.host = value
      break
    case FieldKind.contentLength: {
      const length = parseContentLength(value)
      if (framing.contentLength >= 0) refuse(framing, 'invalidLength', 'more than one Content-Length')
      else if (length === INVALID_LENGTH) refuse(framing, 'invalidLength', 'Content-Length is not a plain number')
      framing.contentLength = length
      fields.push('content-length', value)
      break
    }
    case FieldKind.transferEncoding:
      if (isHttp10) refuse(framing, 'invalidCoding', 'Transfer-Encoding in HTTP/1.0')
      else if (framing.isChunked) refuse(framing, 'invalidCoding', 'more than one Transfer-Encoding')
      else judgeCoding(value, framing)
      framing.isChunked = true
      break
    case FieldKind.connection:
      readConnection(value, framing)
      break
    case FieldKind.te:
      // A hop's own field, but what we carry, trailers, the next hop may be told of (gRPC asks for it).
      if (/(?:^|[,\s])trailers(?:$|[,;\s])/i.test(value)) fields.push('te', 'trailers')
      break
    case FieldKind.upgrade:
      framing.upgrade =
        framing.upgrade === undefined ? value.toLowerCase() : `${framing.upgrade}, ${value.toLowerCase()}`
      break
    case FieldKind.expect:
      framing.expect = framing.expect === undefined ? value.toLowerCase() : `${framing.expect}, ${value}`
      break
    case FieldKind.keepAlive: {
      const seconds = /(?:^|[,\s])timeout=([0-9]{1,6})(?:$|[,\s])/i.exec(value)?.[1]
      if (seconds !== undefined) framing.idleMs = Number(seconds) * 1000
      break
    }
    default:
      break
  }
}

/** Codings with a name in RFC 9112 §7 that a message may not end with, or not carry at all. */
const NOT_LAST = new Set(['gzip', 'x-gzip', 'compress', 'x-compress', 'deflate', 'identity'])

function judgeCoding(value: string, framing: Framing): void {
  if (value === 'chunked' || value.toLowerCase() === 'chunked') return
  const codings = value.toLowerCase().split(',')
  const names = codings.map(trimSpace)
  const earlier = names.slice(0, -1)
  const last = names.at(-1) ?? ''
  if (!names.every(isToken)) refuse(framing, 'invalidCoding', 'Transfer-Encoding is not a list of coding names')
  else if (earlier.includes('chunked') || names.includes('identity')) {
    refuse(framing, 'invalidCoding', 'Transfer-Encoding may name chunked once, last, and never identity')
  } else if (NOT_LAST.has(last)) refuse(framing, 'invalidCoding', 'the last transfer coding is not chunked')
  else refuse(framing, 'invalidCoding', 'a transfer coding other than chunked', 'not-implemented')
}

function readConnection(value: string, framing: Framing): void {
  if (value === 'keep-alive') {
    framing.wantsKeepAlive = true
    return
  }
  if (value === 'close') {
    framing.wantsClose = true
    return
  }
  framing.optionCount += commaCount(value, LIMITS.headerCount) + 1
  if (framing.optionCount > LIMITS.headerCount) {
    return refuse(
      framing,
      'tooManyFields',
      'Connection names more options than a head may have fields',
      'headers-too-large',
    )
  }
  let isOther = false
  for (const option of listItems(value)) {
    if (option === 'close') framing.wantsClose = true
    else if (option === 'keep-alive') framing.wantsKeepAlive = true
    else if (option === 'upgrade') framing.nominatesUpgrade = true
    else if (option !== 'te') isOther = true
  }
  if (isOther) framing.nominated = framing.nominated === undefined ? value : `${framing.nominated},${value}`
}

/** Commas in the text, no more than are asked for and one: a list of thousands is not worth reading to its end. */
function commaCount(text: string, most: number): number {
  let count = 0
  for (let at = text.indexOf(','); at >= 0 && count <= most; at = text.indexOf(',', at + 1)) count++
  return count
}

/** The first problem is the one that is told. */
function refuse(framing: Framing, limit: Http1Limit, problem: string, code: MeshErrorCode = 'bad-request'): void {
  if (framing.problem !== '') return
  framing.limit = limit
  framing.code = code
  framing.problem = problem
}
