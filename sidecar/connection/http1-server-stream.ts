import { LIMITS } from '../core/limits.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import { asksForTunnel, type Fields, NO_FIELDS, type ResponseHead } from '../http/head.ts'
import type { DownstreamStream, RequestSink } from '../http/streams.ts'
import type { ParsedRequest } from '../http1/request-head.ts'
import { CHUNK_END, chunkHead, lastChunk } from '../http1/write-fields.ts'
import type { BodyFraming } from '../http1/write-request.ts'
import { interimText, responseFraming, responseHeadText } from '../http1/write-response.ts'
import type { SocketWriter } from './socket-writer.ts'

/** What a stream may ask of its connection. */
export interface ServerStreamOwner {
  readonly writer: SocketWriter
  readonly peerAddress: string
  readonly isDraining: boolean
  /** The response is complete and was given to the writer. */
  onResponseComplete(stream: Http1ServerStream): void
  /** An upgrade, or CONNECT, was granted or not. */
  onSwitch(isGranted: boolean): void
  /** Reads on, if reading is wanted now. */
  proceed(): void
  /** Breaks the connection off; `hard` with a reset, where the mere end would look like success. */
  breakOff(hard: boolean): void
  /** Gives up the rest of a request whose response is complete. */
  closeAfterResponse(): void
}

/** One exchange on an HTTP/1.1 connection, as the pipeline sees it. Dead once its exchange is over, so that a late call harms none. */
export class Http1ServerStream implements DownstreamStream {
  readonly protocol = 'http/1.1'
  sink: RequestSink | undefined
  readonly request: ParsedRequest
  isRequestComplete: boolean
  isResponseComplete = false
  isPaused = false
  /** The connection may not carry another exchange. */
  mustClose: boolean
  /** The response's framing, once its head is sent. */
  framing: BodyFraming | undefined

  readonly #owner: ServerStreamOwner
  #isDead = false
  #isBlocked = false
  #sentContinue = false
  /** Octets of the body to come, where the head gave a length. */
  #remaining = 0

  constructor(owner: ServerStreamOwner, request: ParsedRequest, isComplete: boolean) {
    this.#owner = owner
    this.request = request
    this.isRequestComplete = isComplete
    this.mustClose = !request.keepAlive
  }

  get peerAddress(): string {
    return this.#owner.peerAddress
  }

  /** Whether what follows the heads is bytes both ways. */
  get isRaw(): boolean {
    return this.framing === 'raw'
  }

  /** Nothing more is taken from or told to the exchange. */
  kill(): void {
    this.#isDead = true
  }

  /** The peer takes octets again. */
  onWritable(): void {
    if (!this.#isBlocked || this.#isDead || this.isResponseComplete) return
    this.#isBlocked = false
    this.sink?.onDrain()
  }

  /** One connection has one answer at a time. */
  takesAnswer(): boolean {
    return true
  }

  attach(sink: RequestSink): void {
    this.sink = sink
  }

  sendInterim(status: number, fields: Fields): void {
    if (this.#isDead || this.framing !== undefined || this.request.isHttp10) return
    if (status < 100 || status > 199 || status === 101) return
    if (status === 100) {
      if (this.#sentContinue || !this.request.head.expectsContinue) return
      this.#sentContinue = true
    }
    this.#owner.writer.text(interimText(status, fields))
    this.#owner.writer.flushSoon()
  }

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.#isDead || this.framing !== undefined) return
    const owner = this.#owner
    const { request } = this
    const requestHead = request.head
    const isTunnelRequest = asksForTunnel(requestHead)
    if (head.status === 101 && requestHead.upgrade === undefined) {
      this.#breakOff()
      return
    }
    const framing = responseFraming(head, end, requestHead.method, request.isHttp10)
    this.framing = framing
    this.#remaining = framing === 'length' && !end ? head.bodyLength : 0
    // A caller that was not told to go on may leave its body out: what comes next could be either (RFC 9110 §10.1.1).
    const isBodyInDoubt = requestHead.expectsContinue && !this.#sentContinue && !this.isRequestComplete
    if (framing === 'until-close' || framing === 'raw' || owner.isDraining || isBodyInDoubt) this.mustClose = true
    owner.writer.text(responseHeadText(head, end, framing, this.#connectionOption(framing)))
    if (isTunnelRequest) this.#switch(framing === 'raw')
    if (end) this.#complete()
    else owner.writer.flushSoon()
  }

  sendBody(chunk: Buffer): boolean {
    if (this.#isDead || this.isResponseComplete) return true
    const { writer } = this.#owner
    switch (this.framing) {
      case 'length':
        // More than was announced would be read as the next response.
        if (chunk.length > this.#remaining) return this.#breakOff()
        this.#remaining -= chunk.length
        writer.bytes(chunk)
        break
      case 'chunked':
        if (chunk.length === 0) return true
        writer.text(chunkHead(chunk.length))
        writer.bytes(chunk)
        writer.text(CHUNK_END)
        break
      case 'until-close':
      case 'raw':
        writer.bytes(chunk)
        break
      default:
        return true
    }
    writer.flushSoon()
    this.#isBlocked = writer.unsentBytes > LIMITS.unsentHighWaterBytes
    return !this.#isBlocked
  }

  sendEnd(trailers: Fields): void {
    if (this.#isDead || this.isResponseComplete || this.framing === undefined) return
    if (this.#remaining > 0) {
      this.#breakOff()
      return
    }
    if (this.framing === 'chunked') this.#owner.writer.text(lastChunk(trailers))
    this.#complete()
  }

  reset(_error: MeshError): void {
    if (this.#isDead) return
    if (this.isResponseComplete) this.#owner.closeAfterResponse()
    else this.#breakOff()
  }

  pause(): void {
    if (this.#isDead || this.isPaused) return
    this.isPaused = true
    this.#owner.proceed()
  }

  resume(): void {
    if (this.#isDead || !this.isPaused) return
    this.isPaused = false
    this.#owner.proceed()
  }

  #connectionOption(framing: BodyFraming): string {
    if (framing === 'raw') return this.request.head.upgrade === undefined ? '' : 'upgrade\r\nupgrade: websocket'
    if (this.mustClose) return 'close'
    return this.request.isHttp10 ? 'keep-alive' : ''
  }

  /** Without the upgrade the request has no body after all. */
  #switch(isGranted: boolean): void {
    if (!isGranted) this.isRequestComplete = true
    this.#owner.onSwitch(isGranted)
    if (!isGranted) this.sink?.onEnd(NO_FIELDS)
  }

  #complete(): void {
    this.isResponseComplete = true
    this.#owner.onResponseComplete(this)
  }

  /** A body of unknown end must not seem to have ended. */
  #breakOff(): false {
    this.kill()
    this.#owner.breakOff(this.framing === 'until-close' || this.framing === 'raw')
    return false
  }
}
