import { LIMITS } from '../core/limits.ts'
import { type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { NEED_MORE, VIOLATION } from './head-scanner.ts'
import { MessageDecoder, type MessageStep } from './message-decoder.ts'
import type { ParsedResponse, ResponseHeadParser } from './response-head.ts'

/**
 * Responses out of the octets of one connection (RFC 9112 §6.3). `expect` tells for each request what may come.
 * A response without a body has no 'end' step: `isEnd` says so with its head.
 */
export class ResponseDecoder extends MessageDecoder {
  /** After 'head' and 'interim'. */
  head: ResponseHead | undefined
  /** After 'head': no body follows. */
  isEnd = false
  /** After 'head': the upstream takes another request on this connection. */
  keepAlive = false
  /** After 'head': how long the upstream keeps an idle connection, ms. */
  idleMs = Number.POSITIVE_INFINITY
  /** After 'head': what follows is not HTTP. */
  isRaw = false
  readonly #parser: ResponseHeadParser
  #method = 'GET'
  #mayUpgrade = false
  #interimCount = 0

  /** @param parser may be shared by all connections to applications */
  constructor(parser: ResponseHeadParser) {
    super('protocol-error')
    this.#parser = parser
  }

  /** A request was sent: its response comes next. */
  expect(method: string, mayUpgrade: boolean): void {
    this.#method = method
    this.#mayUpgrade = mayUpgrade
    this.#interimCount = 0
  }

  /** The upstream ended the connection. 'end': that completes the response; 'truncated': it breaks it off. */
  endOfInput(): 'end' | 'truncated' {
    return this.state === 'raw' || (this.state === 'body' && this.bodyDecoder.isUntilClose) ? 'end' : 'truncated'
  }

  protected override nextHead(): MessageStep {
    if (this.at === this.to) return 'need-more'
    const may = this.mayScanHead()
    if (may !== 'yes') return may === 'no' ? 'need-more' : 'violation'
    const parser = this.#parser
    const next = parser.parse(this.input, this.at, this.to)
    if (next === NEED_MORE) return this.headIsPartial()
    if (next === VIOLATION) return parser.error === undefined ? 'violation' : this.die(parser.error, parser.limit)
    this.headIsComplete(next)
    return this.#start(parser.parsed as ParsedResponse)
  }

  #start(response: ParsedResponse): MessageStep {
    const { head } = response
    this.head = head
    if (head.status < 200 && head.status !== 101) {
      if (++this.#interimCount > LIMITS.interimResponseCount) {
        return this.refuse('interimFlood', `more than ${LIMITS.interimResponseCount} interim responses`)
      }
      return 'interim'
    }
    this.keepAlive = response.keepAlive
    this.idleMs = response.idleMs
    this.isRaw = head.status === 101 || (this.#method === 'CONNECT' && head.status < 300)
    if (this.isRaw) return this.#startRaw(head)
    if (this.#method === 'HEAD') {
      // The length is that of the response to GET; the connection goes on after the head.
      if (head.bodyLength !== 0) this.head = { status: head.status, fields: head.fields, bodyLength: 0 }
      this.isEnd = true
      return 'head'
    }
    this.isEnd = head.bodyLength === 0
    if (this.isEnd) return 'head'
    this.state = 'body'
    if (response.isChunked) this.bodyDecoder.startChunked()
    else if (response.isUntilClose) {
      this.keepAlive = false
      this.bodyDecoder.startUntilClose()
    } else this.bodyDecoder.startLength(head.bodyLength)
    return 'head'
  }

  #startRaw(head: ResponseHead): MessageStep {
    if (head.status === 101 && !this.#mayUpgrade) {
      return this.refuse('malformedHead', '101 to a request that asked for no upgrade')
    }
    this.head = { status: head.status, fields: head.fields, bodyLength: UNKNOWN_LENGTH }
    this.isEnd = false
    this.keepAlive = false
    this.state = 'raw'
    return 'head'
  }
}
