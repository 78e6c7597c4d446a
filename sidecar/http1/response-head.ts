import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { withoutField } from '../http/fields.ts'
import { type Fields, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { withoutNominated } from '../http/header-rules.ts'
import { newFraming, readFraming } from './field-framing.ts'
import { HeadScanner, VIOLATION } from './head-scanner.ts'
import type { Http1Limit } from './http1-counters.ts'
import type { HeadLine } from './line-set.ts'

/** A response's head, and what it says about this connection. Immutable: equal heads share one. */
export interface ParsedResponse {
  /** As an answer to anything but HEAD. */
  readonly head: ResponseHead
  readonly isChunked: boolean
  /** The body ends where the connection does. */
  readonly isUntilClose: boolean
  /** The upstream did not say that it closes; without meaning where the body runs until the close. */
  readonly keepAlive: boolean
  /** How long the upstream keeps the connection idle, by its `Keep-Alive: timeout`, ms; Infinity when it does not say. */
  readonly idleMs: number
}

/** Reads the heads of responses (RFC 9112 §4, §6.3). The counterpart of `RequestHeadParser`: one for each kind of upstream. */
export class ResponseHeadParser {
  /** After success. */
  parsed: ParsedResponse | undefined
  /** After `VIOLATION`: always `protocol-error`. */
  error: MeshError | undefined
  /** … what it is counted by. */
  limit: Http1Limit = 'malformedHead'
  readonly #scanner = new HeadScanner()
  readonly #framing = newFraming()

  /** Reads the head at `from`. Returns the offset after it, or `NEED_MORE`, or `VIOLATION`. */
  parse(bytes: Buffer, from: number, to: number): number {
    const scanner = this.#scanner
    if (this.parsed !== undefined && scanner.isRepeat(bytes, from, to)) return from + scanner.lines.length
    const next = scanner.scan(bytes, from, to, true)
    if (next >= 0) return this.#build() ? next : this.#forget()
    if (next === VIOLATION) this.#refuse(scanner.limit, scanner.problem)
    return next
  }

  #forget(): number {
    this.#scanner.lines.forget()
    this.parsed = undefined
    return VIOLATION
  }

  #build(): boolean {
    const lines = this.#scanner.lines
    const status = readStatusLine((lines.lines[0] as HeadLine).value)
    if (status === 0) return this.#refuse('malformedHead', 'the status line is not that of HTTP/1')
    const isHttp10 = status < 0
    const code = Math.abs(status)
    const framing = this.#framing
    let fields: Fields = []
    readFraming(lines, isHttp10, fields as string[], framing)
    if (framing.problem !== '') return this.#refuse(framing.limit, framing.problem)
    if (framing.nominated !== undefined) fields = withoutNominated(fields, framing.nominated)
    const hasNoBody = code < 200 || code === 204 || code === 304
    // A length that a bodiless response may not have (RFC 9110 §8.6) would contradict the framing of the next hop.
    if (hasNoBody && code !== 304) fields = withoutField(fields, 'content-length')
    const isUntilClose = !hasNoBody && !framing.isChunked && framing.contentLength < 0
    this.parsed = {
      head: { status: code, fields, bodyLength: bodyLength(hasNoBody, framing.isChunked, framing.contentLength) },
      isChunked: framing.isChunked && !hasNoBody,
      isUntilClose,
      keepAlive: !framing.wantsClose && (!isHttp10 || framing.wantsKeepAlive),
      idleMs: framing.idleMs,
    }
    return true
  }

  #refuse(limit: Http1Limit, problem: string): false {
    this.limit = limit
    this.error = meshError('protocol-error', `The upstream's response head: ${problem}`)
    return false
  }
}

function bodyLength(hasNoBody: boolean, isChunked: boolean, contentLength: number): number {
  if (hasNoBody) return 0
  return isChunked || contentLength < 0 ? UNKNOWN_LENGTH : contentLength
}

/** The status, negative for HTTP/1.0, 0 when the line is malformed. A missing reason is let pass: servers omit it (RFC 9112 §4). */
function readStatusLine(line: string): number {
  const minor = line.charCodeAt(7)
  if (!line.startsWith('HTTP/1.') || (minor !== 0x30 && minor !== 0x31) || line.charCodeAt(8) !== 0x20) return 0
  const hundreds = line.charCodeAt(9) - 0x30
  const tens = line.charCodeAt(10) - 0x30
  const ones = line.charCodeAt(11) - 0x30
  if (!(hundreds >= 1 && hundreds <= 5 && tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) return 0
  if (line.length > 12 && line.charCodeAt(12) !== 0x20) return 0
  const status = hundreds * 100 + tens * 10 + ones
  return minor === 0x30 ? -status : status
}
