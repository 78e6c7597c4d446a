import { type MeshError, type MeshErrorCode, meshError } from '../core/mesh-errors.ts'
import { canonicalAuthority } from '../http/authority.ts'
import { type RequestHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { withoutNominated } from '../http/header-rules.ts'
import { newFraming, readFraming } from './field-framing.ts'
import { HeadScanner, VIOLATION } from './head-scanner.ts'
import type { Http1Limit } from './http1-counters.ts'
import type { HeadLine } from './line-set.ts'
import { type RequestLine, readRequestLine } from './request-line.ts'

/** A request's head, and what it says about this connection. Immutable: equal heads share one. */
export interface ParsedRequest {
  readonly head: RequestHead
  readonly isChunked: boolean
  readonly isHttp10: boolean
  /** The caller wants to send another request after this one. */
  readonly keepAlive: boolean
}

/**
 * Reads the heads of requests (RFC 9112 §3, §5, §6). A head whose octets are those of the last one is the same object:
 * 0.07 µs (`bench/micro/http1-head.ts`). Holds nothing that belongs to a connection: one for each listener.
 */
export class RequestHeadParser {
  /** After success: the head, and the offset after it. */
  parsed: ParsedRequest | undefined
  /** After `VIOLATION`. */
  error: MeshError | undefined
  /** … what it is counted by. */
  limit: Http1Limit = 'malformedHead'
  readonly #scanner = new HeadScanner()
  readonly #framing = newFraming()
  readonly #scheme: 'http' | 'https'
  #lineText = ''
  #line: RequestLine | undefined

  /** @param scheme of requests in origin-form: whether the listener's connections are under TLS */
  constructor(scheme: 'http' | 'https') {
    this.#scheme = scheme
  }

  /** Reads the head at `from`. Returns the offset after it, or `NEED_MORE`, or `VIOLATION`. */
  parse(bytes: Buffer, from: number, to: number): number {
    const scanner = this.#scanner
    if (this.parsed !== undefined && scanner.isRepeat(bytes, from, to)) return from + scanner.lines.length
    const next = scanner.scan(bytes, from, to, true)
    if (next >= 0) return this.#build() ? next : this.#forget()
    if (next === VIOLATION) this.#refuse(scanner.limit, scanner.problem, scanner.code)
    return next
  }

  /** A refused head must not be remembered as a good one. */
  #forget(): number {
    this.#scanner.lines.forget()
    this.parsed = undefined
    return VIOLATION
  }

  #build(): boolean {
    const lines = this.#scanner.lines
    const line = this.#readLine((lines.lines[0] as HeadLine).value)
    if (line === undefined) return false
    const framing = this.#framing
    let fields: readonly string[] = []
    readFraming(lines, line.isHttp10, fields as string[], framing)
    if (framing.problem !== '') return this.#refuse(framing.limit, framing.problem, framing.code)
    if (framing.nominated !== undefined) fields = withoutNominated(fields, framing.nominated)

    const host = framing.host
    if (host === undefined && !line.isHttp10) return this.#refuse('invalidHost', 'no Host')
    const hostAuthority = host === undefined ? '' : canonicalAuthority(host)
    if (hostAuthority === undefined) return this.#refuse('invalidHost', 'Host is not a host with an optional port')

    const expect = framing.expect
    if (expect !== undefined && expect !== '100-continue') {
      return this.#refuse('unservedDemand', 'an expectation other than 100-continue', 'expectation-failed')
    }
    const hasBody = framing.isChunked || framing.contentLength >= 0
    // Only GET becomes a WebSocket (RFC 6455 §4.1): on a link another method would be lost. Any other upgrade may be ignored.
    const isUpgrade =
      line.method === 'GET' && framing.nominatesUpgrade && framing.upgrade === 'websocket' && !line.isHttp10
    if ((isUpgrade || line.method === 'CONNECT') && hasBody) {
      return this.#refuse('tunnelWithBody', 'a request for a tunnel has a body')
    }
    const length = framing.isChunked || isUpgrade ? UNKNOWN_LENGTH : Math.max(0, framing.contentLength)
    this.parsed = {
      head: {
        method: line.method,
        scheme: line.scheme ?? this.#scheme,
        authority: line.authority ?? hostAuthority,
        path: line.path,
        fields,
        bodyLength: length,
        upgrade: isUpgrade ? 'websocket' : undefined,
        expectsContinue: expect !== undefined && hasBody && !line.isHttp10,
      },
      isChunked: framing.isChunked,
      isHttp10: line.isHttp10,
      keepAlive: !framing.wantsClose && (!line.isHttp10 || framing.wantsKeepAlive),
    }
    return true
  }

  #readLine(text: string): RequestLine | undefined {
    if (text === this.#lineText && this.#line !== undefined) return this.#line
    const line = readRequestLine(text)
    if ('code' in line) {
      this.#refuse(line.code === 'http-version' ? 'unservedDemand' : 'malformedHead', line.detail, line.code)
      return undefined
    }
    this.#lineText = text
    this.#line = line
    return line
  }

  #refuse(limit: Http1Limit, detail: string, code: MeshErrorCode = 'bad-request'): false {
    this.limit = limit
    this.error = meshError(code, detail)
    return false
  }
}
