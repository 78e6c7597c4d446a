import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { PieceList, recyclePiece } from '../core/piece-list.ts'
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { Http1Counters } from '../http1/http1-counters.ts'
import { ResponseDecoder } from '../http1/response-decoder.ts'
import type { ResponseHeadParser } from '../http1/response-head.ts'
import { CHUNK_END, chunkHead, lastChunk } from '../http1/write-fields.ts'
import { type BodyFraming, requestFraming, requestHeadText } from '../http1/write-request.ts'
import { closeInTurns } from './close-in-turns.ts'
import { type ClientStreamOwner, Http1ClientStream } from './http1-client-stream.ts'
import { SocketWriter } from './socket-writer.ts'

/** What hears of a connection's life. */
export interface Http1ClientListener {
  /** The exchange is over and the connection may carry another. Called before the exchange hears of its end. */
  onIdle(connection: Http1ClientConnection): void
  /** The connection is closed. */
  onClosed(connection: Http1ClientConnection): void
}

/**
 * HTTP/1.1 to an application on a connected socket: one exchange at a time. The socket's owner gives what it reads to
 * `receive`. A connection on which anything was odd (octets nobody asked for, a response before its request was complete,
 * a body cut short) is closed, never given back.
 */
export class Http1ClientConnection implements ClientStreamOwner {
  /** When it was last given back, monotonic ms: the pool's field. */
  idleSinceMs = 0
  /** Whose exchange it carries: the pool's field. */
  share: { inUse: number } | undefined
  /** How long the application keeps an idle connection, as far as it said, ms; else Infinity. */
  keepAliveMs: number = Number.POSITIVE_INFINITY

  readonly #socket: Socket
  readonly #listener: Http1ClientListener
  readonly #counters: Http1Counters
  readonly #writer: SocketWriter
  readonly #decoder: ResponseDecoder
  #stream: Http1ClientStream | undefined
  #framing: BodyFraming = 'none'
  /** Octets of the request's body to come, where its head gave a length. */
  #remaining = 0
  #writeCountBefore = 0
  #isClosed = false
  /** Its exchange was cancelled: it is closed, if not at once. */
  #isGivenUp = false
  #isBlocked = false
  #isPaused = false
  #isPumping = false
  #isInputEnded = false
  #isHeadReceived = false
  /** What the caller says of its tunnel before that is granted: an application that ignores the upgrade would read it as a request. */
  readonly #early = new PieceList()

  constructor(socket: Socket, parser: ResponseHeadParser, listener: Http1ClientListener, counters: Http1Counters) {
    this.#socket = socket
    this.#counters = counters
    this.#listener = listener
    this.#writer = new SocketWriter(socket)
    this.#decoder = new ResponseDecoder(parser)
    socket.on('drain', () => this.#onDrain())
    socket.on('end', () => this.#onInputEnd())
    socket.on('error', (error: Error) => this.#onError(error))
    socket.on('close', () => this.#onClose())
  }

  /** Nothing is in flight. */
  get isIdle(): boolean {
    return this.#stream === undefined
  }

  /** Nothing is in flight, and the last exchange left the connection clean. */
  get canReuse(): boolean {
    const isOver = this.#isGivenUp || this.#isClosed || this.#isInputEnded
    return this.#stream === undefined && !isOver && this.#socket.writable
  }

  /** An answer has begun, and has not ended. */
  get isMidAnswer(): boolean {
    return this.#stream !== undefined && this.#isHeadReceived
  }

  /**
   * Starts an exchange; `canReuse` must hold. A complete request is written at once.
   * @param end whether the request has no body
   */
  send(head: RequestHead, end: boolean, sink: ResponseSink): UpstreamStream {
    assert(this.#stream === undefined, 'one exchange at a time')
    const framing = requestFraming(head)
    const stream = new Http1ClientStream(this, sink, end)
    this.#stream = stream
    this.#framing = framing
    this.#remaining = framing === 'length' ? head.bodyLength : 0
    this.#isBlocked = false
    this.#isPaused = false
    this.#isHeadReceived = false
    this.#writeCountBefore = this.#writer.writeCount
    this.#decoder.expect(head.method, head.upgrade !== undefined)
    this.#writer.text(requestHeadText(head, framing))
    if (!end) this.#writer.flushSoon()
    else if (framing === 'chunked') this.#endChunks(NO_FIELDS)
    else this.#writer.flush()
    return stream
  }

  /** Takes the first `length` octets of `chunk` as read from the socket. They are borrowed for the call. */
  receive(chunk: Buffer, length: number): void {
    if (this.#isClosed || this.#isGivenUp) return
    if (this.#stream === undefined) {
      this.#counters.strayOctets++
      this.#socket.destroy() // a response that nobody asked for
      return
    }
    this.#decoder.push(chunk, length)
    this.#pump()
  }

  /** Closes at once; an exchange in flight hears of it. */
  destroy(): void {
    this.#socket.destroy()
    this.#fail(this.#brokenOff('the connection to the application was closed'))
  }

  sendRequestBody(stream: Http1ClientStream, chunk: Buffer): boolean {
    if (stream !== this.#stream || stream.isRequestComplete || chunk.length === 0) return true
    const writer = this.#writer
    if (this.#framing === 'chunked') {
      writer.text(chunkHead(chunk.length))
      writer.bytes(chunk)
      writer.text(CHUNK_END)
    } else if (this.#framing === 'raw') {
      if (!this.#isHeadReceived) {
        this.#early.append(chunk)
        return false
      }
      writer.bytes(chunk)
    } else {
      // More than was announced would be read as the next request.
      if (chunk.length > this.#remaining) return this.#refuseBody('longer')
      this.#remaining -= chunk.length
      writer.bytes(chunk)
    }
    writer.flushSoon()
    this.#isBlocked = writer.unsentBytes > LIMITS.unsentHighWaterBytes
    return !this.#isBlocked
  }

  sendRequestEnd(stream: Http1ClientStream, trailers: Fields): void {
    if (stream !== this.#stream || stream.isRequestComplete) return
    if (this.#remaining > 0) {
      this.#refuseBody('shorter')
      return
    }
    stream.isRequestComplete = true
    if (this.#framing === 'chunked') this.#endChunks(trailers)
    else if (this.#framing !== 'raw') this.#writer.flush()
    // The caller's end of a tunnel; before the upgrade is granted there is none to end.
    else if (this.#isHeadReceived) this.#writer.end()
  }

  cancelRequest(stream: Http1ClientStream): void {
    if (stream !== this.#stream) return
    this.#stream = undefined
    this.#isGivenUp = true
    closeInTurns(this.#socket)
  }

  pauseResponse(stream: Http1ClientStream, isPaused: boolean): void {
    if (stream !== this.#stream || this.#isPaused === isPaused) return
    this.#isPaused = isPaused
    if (isPaused) this.#socket.pause()
    else {
      this.#socket.resume()
      if (!this.#isPumping) this.#pump()
    }
  }

  #endChunks(trailers: Fields): void {
    this.#writer.text(lastChunk(trailers))
    this.#writer.flush()
  }

  #pump(): void {
    this.#isPumping = true
    while (this.#stream !== undefined && !this.#isPaused && this.#step(this.#stream));
    this.#isPumping = false
    this.#decoder.retain()
    if (this.#isInputEnded && !this.#isPaused) this.#finishInput()
  }

  /** One step of the decoder; false when there is no more to do for now. */
  #step(stream: Http1ClientStream): boolean {
    const decoder = this.#decoder
    switch (decoder.next()) {
      case 'interim': {
        const head = decoder.head as ResponseHead
        stream.sink.onInterim(head.status, head.fields)
        return true
      }
      case 'head':
        this.#onHead(stream, decoder.head as ResponseHead)
        return true
      case 'body':
        stream.sink.onResponseBody(decoder.body)
        return true
      case 'end': {
        const { trailers } = decoder // giving the connection back may begin the next exchange on it
        this.#complete(stream)
        stream.sink.onResponseEnd(trailers)
        return false
      }
      case 'violation':
        this.#counters[decoder.limit]++
        this.#socket.destroy()
        this.#fail(decoder.error ?? meshError('protocol-error', 'the response is not valid HTTP'))
        return false
      default:
        return false
    }
  }

  #onHead(stream: Http1ClientStream, head: ResponseHead): void {
    this.#isHeadReceived = true
    const { isEnd, isRaw } = this.#decoder
    const hasEarly = !this.#early.isEmpty
    if (isRaw) this.#beginTunnel(stream)
    else if (this.#framing === 'raw') {
      this.#early.discard()
      stream.isRequestComplete = true // a tunnel that is not granted: the request had no body after all
    }
    if (isEnd) this.#complete(stream)
    stream.sink.onResponseHead(head, isEnd)
    if (isRaw && hasEarly && stream === this.#stream) stream.sink.onRequestDrain()
  }

  #beginTunnel(stream: Http1ClientStream): void {
    for (let piece = this.#early.shift(); piece !== undefined; piece = this.#early.shift()) {
      this.#writer.bytes(piece)
      recyclePiece(piece)
    }
    if (stream.isRequestComplete) this.#writer.end()
    else this.#writer.flushSoon()
  }

  /** The response is complete. Only a connection that is clean on both sides is given back. */
  #complete(stream: Http1ClientStream): void {
    const decoder = this.#decoder
    this.#stream = undefined
    this.keepAliveMs = decoder.idleMs
    const isWhole = stream.isRequestComplete && decoder.isBetweenMessages && !this.#isInputEnded
    // After an upgrade that was asked for in vain, the application may still think otherwise of what comes.
    const isClean = isWhole && decoder.keepAlive && this.#framing !== 'raw'
    if (!decoder.isBetweenMessages) this.#counters.strayOctets++
    if (isClean) this.#listener.onIdle(this)
    else this.#socket.destroy()
  }

  #refuseBody(how: string): false {
    this.#socket.destroy()
    this.#fail(meshError('bad-request', `the request body is ${how} than its content-length`))
    return false
  }

  #onDrain(): void {
    if (!this.#isBlocked || this.#stream === undefined) return
    this.#isBlocked = false
    this.#stream.sink.onRequestDrain()
  }

  #onInputEnd(): void {
    this.#isInputEnded = true
    if (!this.#isPaused) this.#finishInput()
  }

  /** The application has said all it will. */
  #finishInput(): void {
    const stream = this.#stream
    if (stream === undefined) {
      this.#socket.destroy()
    } else if (this.#decoder.endOfInput() === 'end') {
      this.#stream = undefined
      this.#socket.end()
      stream.sink.onResponseEnd(NO_FIELDS)
    } else {
      if (this.#isHeadReceived) this.#counters.truncated++
      this.#socket.destroy()
      this.#fail(this.#brokenOff('the application closed the connection before the response was complete'))
    }
  }

  #onError(error: Error): void {
    this.#socket.destroy()
    const reason = 'code' in error ? String(error.code) : error.message
    this.#fail(this.#brokenOff(`the connection to the application broke (${reason})`))
  }

  /** Whether the application can have seen any of the request decides what another try may rely on. */
  #brokenOff(detail: string): MeshError {
    const isUnsent = this.#writer.writeCount === this.#writeCountBefore && !this.#isHeadReceived
    return meshError(isUnsent ? 'refused' : 'reset', detail)
  }

  #fail(error: MeshError): void {
    const stream = this.#stream
    this.#stream = undefined
    stream?.sink.onResponseError(error)
  }

  #onClose(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#fail(this.#brokenOff('the connection to the application closed'))
    this.#listener.onClosed(this)
  }
}
