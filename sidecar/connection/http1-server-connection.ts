import type { Socket } from 'node:net'
import { LIMITS } from '../core/limits.ts'
import { errorFacts, type MeshError, meshError } from '../core/mesh-errors.ts'
import { NO_FIELDS } from '../http/head.ts'
import { type Http1Counters, http1Counters } from '../http1/http1-counters.ts'
import { RequestDecoder } from '../http1/request-decoder.ts'
import { type ParsedRequest, RequestHeadParser } from '../http1/request-head.ts'
import { Http1LastWords, writeRefusal } from './http1-last-words.ts'
import { Http1ReadGate, type ReadWish } from './http1-read-gate.ts'
import type { Http1ServerOptions } from './http1-server-options.ts'
import { Http1ServerStream, type ServerStreamOwner } from './http1-server-stream.ts'
import { Http1ServerTimer, type ServerTimerKind, type TimedConnection } from './http1-server-timer.ts'
import { resetSocket } from './reset-socket.ts'
import { receiveFrom } from './shared-read.ts'
import { SocketWriter } from './socket-writer.ts'

/** Body that is read over after its response, so that the connection can be kept (RFC 9112 §9.3). */
const DISCARD_BYTES = 64 * 1024
/** How long a peer that ended its side is believed to wait for its answer: going away looks the same, and others take it for that. */
const HALF_CLOSED_MS = 1_000

const plainParser = new RequestHeadParser('http')
const secureParser = new RequestHeadParser('https')

/**
 * HTTP/1.1 towards an accepted socket: requests come out one at a time, in order; what is sent in one turn is written once.
 * The socket may be paused and of either half-open setting. Owns the socket and closes it on every path.
 */
export class Http1ServerConnection<Peer> implements ServerStreamOwner, TimedConnection, ReadWish {
  readonly writer: SocketWriter
  isDraining = false
  requestCount = 0
  readCount = 0

  readonly #socket: Socket
  readonly #options: Http1ServerOptions<Peer>
  readonly #decoder: RequestDecoder
  readonly #isSecure: boolean
  readonly #timer: Http1ServerTimer
  readonly #counters: Http1Counters
  readonly #gate: Http1ReadGate
  #stream: Http1ServerStream | undefined
  #phase: 'serving' | 'lingering' | 'closed' = 'serving'
  #isPumping = false
  #isInputEnded = false
  #discardedBytes = 0
  readonly #lastWords: Http1LastWords
  #peerAddress: string | undefined

  constructor(socket: Socket, options: Http1ServerOptions<Peer>) {
    this.#socket = socket
    this.#options = options
    this.#counters = options.counters ?? http1Counters()
    this.#gate = new Http1ReadGate(socket, this.#counters, () => this.proceed())
    this.writer = new SocketWriter(socket)
    this.#timer = new Http1ServerTimer(options.wheel, this, socket)
    this.#lastWords = new Http1LastWords(socket, this.#timer)
    this.#isSecure = 'encrypted' in socket && socket.encrypted === true
    const parser = options.parser ?? (this.#isSecure ? secureParser : plainParser)
    this.#decoder = new RequestDecoder(parser, LIMITS.wholeBodyBytes)
    socket.allowHalfOpen = true // a caller may end its side and wait for the answer
    socket.setNoDelay(true)
    receiveFrom(socket, (chunk, length) => this.receive(chunk, length))
    socket.on('end', () => this.#onInputEnd())
    socket.on('drain', () => {
      this.#stream?.onWritable()
      this.proceed()
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#onClosed())
    socket.resume()
    this.#timer.set('idle', LIMITS.idleConnectionMs)
  }

  /** `ip:port` of the caller. */
  get peerAddress(): string {
    this.#peerAddress ??= `${this.#socket.remoteAddress ?? ''}:${this.#socket.remotePort ?? 0}`
    return this.#peerAddress
  }

  get unsentBytes(): number {
    return this.writer.unsentBytes
  }

  /** No exchange is in flight. */
  get isIdle(): boolean {
    return this.#stream === undefined
  }

  /** The response in flight, or else the next moment, is the last: no request is lost that was begun. */
  drain(): void {
    this.isDraining = true
    if (this.#stream === undefined && this.#decoder.isBetweenMessages) this.#linger()
  }

  /** Closes at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  onTimer(kind: ServerTimerKind): void {
    if (this.#phase === 'closed') return
    if (kind === 'linger') this.#lastWords.goOn()
    else if (kind === 'half-closed') this.#giveUpHalfClosed()
    else if (kind === 'head') {
      this.#counters.slowHead++
      this.#refuse(meshError('request-timeout', 'the request took too long to come'))
    } else if (this.#stream === undefined && !this.#timer.sawRequest) this.#linger()
    else this.#lookForStall()
  }

  onResponseComplete(stream: Http1ServerStream): void {
    this.writer.flush()
    if (stream.isRequestComplete) this.#finish(stream)
    else if (stream.isRaw || stream.mustClose) this.closeAfterResponse()
    else if (this.#decoder.remainingLength > DISCARD_BYTES) this.#giveUpBody()
    else {
      this.#discardedBytes = 0
      stream.isPaused = false
      this.proceed()
    }
  }

  onSwitch(isGranted: boolean): void {
    if (isGranted) this.#decoder.switchToRaw()
    else this.#decoder.stayHttp()
    this.proceed()
  }

  /** Reads on, unless a caller further up the stack does so anyway. */
  proceed(): void {
    if (!this.#isPumping && this.#phase === 'serving') this.#pump()
  }

  breakOff(hard: boolean): void {
    this.writer.flush() // a head of this turn is not lost: with it the caller sees what broke
    // Only TCP can reset; the end of TLS without its closing alert says as much.
    if (hard && !this.#isSecure && this.#socket.remoteFamily !== undefined) resetSocket(this.#socket)
    else this.#socket.destroy()
  }

  closeAfterResponse(): void {
    this.#stream?.kill()
    this.#stream = undefined
    this.#linger()
  }

  /** Takes the first `length` octets of `chunk`, borrowed: what the socket reads, or what was read before this was made. */
  receive(chunk: Buffer, length: number): void {
    if (this.#phase !== 'serving') return // lingering: bytes after a refusal are never parsed
    this.readCount++
    this.#decoder.push(chunk, length)
    this.#pump()
  }

  #pump(): void {
    const gate = this.#gate
    this.#isPumping = true
    gate.beginTurn()
    while (this.#phase === 'serving' && this.mayRead && gate.hasShare && this.#step());
    this.#isPumping = false
    if (this.#phase !== 'serving') return
    this.#decoder.retain()
    gate.holdBack(this)
    if (this.#stream === undefined && !gate.isHeldBack && this.#isFinal()) return this.#linger()
    if (!gate.isHeldBack) this.#timer.timeHead(this.#decoder.isHeadPartial && this.#stream === undefined)
    gate.set(this)
  }

  get unreadBytes(): number {
    return this.#decoder.unreadBytes
  }

  /** While a request is answered, some of what is behind it may come; not while its own body has to wait. */
  get mayReadAhead(): boolean {
    return this.#stream?.isPaused !== true || this.#stream.isRequestComplete
  }

  /** A request is read while none is in flight and its caller takes the answers, and its body while it is wanted. */
  get mayRead(): boolean {
    const stream = this.#stream
    if (stream === undefined) return this.unsentBytes <= LIMITS.unsentHighWaterBytes
    return !stream.isRequestComplete && !stream.isPaused
  }

  /** One step of the decoder; false when there is no more to do for now. */
  #step(): boolean {
    const decoder = this.#decoder
    const stream = this.#stream
    this.#gate.takePiece()
    switch (decoder.next()) {
      case 'head':
        this.#begin(decoder.request as ParsedRequest, decoder.isEnd)
        return true
      case 'body':
        if (stream?.isResponseComplete === true) this.#discard(decoder.body.length)
        else stream?.sink?.onBody(decoder.body)
        return true
      case 'end':
        if (stream === undefined) return true
        stream.isRequestComplete = true
        if (stream.isResponseComplete) this.#finish(stream)
        else stream.sink?.onEnd(decoder.trailers)
        return true
      case 'violation':
        this.#counters[decoder.limit]++
        this.#onViolation(decoder.error ?? meshError('bad-request', 'the request breaks the protocol'))
        return false
      default:
        return false
    }
  }

  #begin(request: ParsedRequest, isEnd: boolean): void {
    this.requestCount++
    this.#gate.takeRequest(this.#decoder.headBytes)
    this.#stream = new Http1ServerStream(this, request, isEnd)
    this.#options.handler.onRequest(request.head, isEnd, this.#stream, this.#options.peer)
  }

  /** The exchange is over on both sides. Requests that were read already are served even while draining. */
  #finish(stream: Http1ServerStream): void {
    stream.kill()
    this.#stream = undefined
    if (stream.mustClose) this.#linger()
    else this.proceed()
  }

  /** No further request can or shall come. */
  #isFinal(): boolean {
    return this.#isInputEnded || (this.isDraining && this.#decoder.isBetweenMessages)
  }

  #discard(count: number): void {
    this.#discardedBytes += count
    if (this.#discardedBytes > DISCARD_BYTES) this.#giveUpBody()
  }

  #giveUpBody(): void {
    this.#counters.unwantedBody++
    this.closeAfterResponse()
  }

  #onViolation(error: MeshError): void {
    const stream = this.#stream
    if (stream === undefined) return this.#refuse(error)
    this.#stream = undefined
    stream.kill()
    const canAnswer = stream.framing === undefined
    if (!stream.isResponseComplete) stream.sink?.onAbort(error)
    if (canAnswer) this.#answer(error)
    else this.breakOff(stream.framing === 'until-close')
  }

  /** A request that never became an exchange. */
  #refuse(error: MeshError): void {
    const { handler, peer } = this.#options
    const status = errorFacts(error.code).http
    handler.onRefused({ error, status, protocol: 'http/1.1', peerAddress: this.peerAddress }, peer)
    this.#answer(error)
  }

  /** Octets after it could be anything. */
  #answer(error: MeshError): void {
    writeRefusal(this.writer, error)
    this.#linger()
  }

  #onInputEnd(): void {
    this.#isInputEnded = true
    const stream = this.#stream
    if (this.#phase !== 'serving') return // the socket closes once what waits is written
    if (stream === undefined) {
      if (!this.#gate.isHeldBack) this.#linger()
    } else if (stream.isRaw && !stream.isRequestComplete) {
      stream.isRequestComplete = true
      stream.sink?.onEnd(NO_FIELDS)
    } else if (!stream.isRequestComplete) this.destroy()
    else if (!stream.isRaw) this.#timer.set('half-closed', HALF_CLOSED_MS)
  }

  /** A response that began tells by itself whether anybody reads it. */
  #giveUpHalfClosed(): void {
    if (this.#timer.sawRequest) this.#timer.set('half-closed', HALF_CLOSED_MS)
    else if (this.#stream?.framing === undefined) this.destroy()
    else this.#timer.set('idle', LIMITS.idleConnectionMs)
  }

  #onClosed(): void {
    if (this.#phase === 'closed') return
    this.#phase = 'closed'
    this.#timer.cancel()
    const stream = this.#stream
    this.#stream = undefined
    if (stream !== undefined) {
      stream.kill()
      if (!stream.isResponseComplete) stream.sink?.onAbort(meshError('cancelled', 'the caller closed the connection'))
    }
    this.#options.onClosed?.()
  }

  /** Says the end, and reads over what still comes for a moment. */
  #linger(): void {
    if (this.#phase !== 'serving') return
    this.#phase = 'lingering'
    this.#lastWords.begin(this.writer)
  }

  #lookForStall(): void {
    const stream = this.#stream
    const awaitsBody = stream?.isRequestComplete === false && !stream.isPaused
    const stall = stream === undefined || stream.isRaw ? undefined : this.#timer.stalledBy(awaitsBody)
    if (stall === undefined) return this.#timer.set('idle', LIMITS.idleConnectionMs)
    this.#counters[stall]++
    this.#onViolation(meshError('request-timeout', 'the caller stopped in the middle'))
  }
}
