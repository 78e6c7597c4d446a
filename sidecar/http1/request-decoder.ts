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
  /** After 'head': its octets. */
  headBytes = 0
  readonly #parser: RequestHeadParser
  readonly #wholeBodyBytes: number
  /** Octets from `at` on that have to be there before the head is given; 0: no head waits for its body. */
  #wantedBytes = 0
  #skippedEmptyLine = false
  #awaitsSwitch = false

  /**
   * @param parser may be shared by all connections of a listener
   * @param wholeBodyBytes a body of no more than this is all there before its head is given
   */
  constructor(parser: RequestHeadParser, wholeBodyBytes = 0) {
    super('bad-request')
    this.#parser = parser
    this.#wholeBodyBytes = wholeBodyBytes
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
    if (this.#awaitsSwitch || this.at === this.to || this.to - this.at < this.#wantedBytes) return 'need-more'
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
    const request = parser.parsed as ParsedRequest
    if (this.#awaitsBody(request, next)) return this.headIsPartial()
    this.headBytes = next - this.at
    this.headIsComplete(next)
    this.#start(request)
    return 'head'
  }

  /** Whether the body is short, announced, and not all there: its caller waits for nothing before it sends it. */
  #awaitsBody({ head, isChunked }: ParsedRequest, next: number): boolean {
    const { bodyLength } = head
    this.#wantedBytes = 0
    if (isChunked || bodyLength <= 0 || bodyLength > this.#wholeBodyBytes || head.expectsContinue) return false
    if (this.to - next >= bodyLength) return false
    this.#wantedBytes = next - this.at + bodyLength
    return true
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
