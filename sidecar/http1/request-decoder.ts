import { asksForTunnel } from '../http/head.ts'
import { NEED_MORE, VIOLATION } from './head-scanner.ts'
import { MessageDecoder, type MessageStep } from './message-decoder.ts'
import type { ParsedRequest, RequestHeadParser } from './request-head.ts'

const CR = 0x0d
const LF = 0x0a

/**
 * Requests out of the octets of one connection (RFC 9112). See `MessageDecoder` for how it is pulled.
 * A request without a body has no 'end' step: `isEnd` says so with its head. After the head of an upgrade the
 * decoder stops until `switchToRaw` or `stayHttp` tells which way it went.
 */
export class RequestDecoder extends MessageDecoder {
  /** After 'head'. */
  request: ParsedRequest | undefined
  /** After 'head': no body follows. */
  isEnd = false
  readonly #parser: RequestHeadParser
  #skippedEmptyLine = false
  #awaitsSwitch = false

  /** @param parser may be shared by all connections of a listener */
  constructor(parser: RequestHeadParser) {
    super('bad-request')
    this.#parser = parser
  }

  /** The octets from here on are not HTTP: 'body' steps give them as they are. */
  switchToRaw(): void {
    this.#awaitsSwitch = false
    this.state = 'raw'
  }

  /** The upgrade, or CONNECT, was not granted: the next octet begins a request. */
  stayHttp(): void {
    this.#awaitsSwitch = false
  }

  /** Octets of the body still to come by its length, 0 when that is unknown. */
  get remainingLength(): number {
    return this.bodyDecoder.remainingLength
  }

  protected override nextHead(): MessageStep {
    if (this.#awaitsSwitch || this.at === this.to) return 'need-more'
    if (!this.#skippedEmptyLine && this.input[this.at] === CR) {
      // One empty line before a request is let pass (RFC 9112 §2.2).
      if (this.to - this.at < 2) return 'need-more'
      if (this.input[this.at + 1] !== LF) return this.refuse('malformedHead', 'a bare CR before the request line')
      this.#skippedEmptyLine = true
      this.at += 2
      if (this.at === this.to) return 'need-more'
    }
    const may = this.mayScanHead()
    if (may !== 'yes') return may === 'no' ? 'need-more' : 'violation'
    const parser = this.#parser
    const next = parser.parse(this.input, this.at, this.to)
    if (next === NEED_MORE) return this.headIsPartial()
    if (next === VIOLATION) return parser.error === undefined ? 'violation' : this.die(parser.error, parser.limit)
    this.headIsComplete(next)
    this.#start(parser.parsed as ParsedRequest)
    return 'head'
  }

  #start(request: ParsedRequest): void {
    this.request = request
    this.#skippedEmptyLine = false
    const { head } = request
    this.isEnd = head.bodyLength === 0
    if (asksForTunnel(head)) {
      this.isEnd = false
      this.#awaitsSwitch = true
    } else if (request.isChunked) {
      this.bodyDecoder.startChunked()
      this.state = 'body'
    } else if (head.bodyLength > 0) {
      this.bodyDecoder.startLength(head.bodyLength)
      this.state = 'body'
    }
  }
}
