import type { MeshError } from '../../core/mesh-errors.ts'
import { PieceList, recyclePiece } from '../../core/piece-list.ts'
import { type Fields, NO_FIELDS } from '../../http/head.ts'
import type { ErrorCode } from '../frame/frame-type.ts'
import { SendQueue } from './send-queue.ts'
import type { StreamHost } from './stream-host.ts'
import { nextState, StreamEvent, StreamState } from './stream-state.ts'

/** Smaller pieces of a body, after the first of a flush, are put together: nobody can make the next hop work for each octet. */
const CRUMB_BYTES = 512

/** Body bytes that arrived while the stream was paused. */
interface Held {
  readonly pieces: PieceList
  /** Of these, the connection's window has got back this many. */
  creditedBytes: number
  /** The end arrived too, with these trailers. */
  trailers: Fields | undefined
}

/** What both ends of a stream do: states, body in both directions, flow control. Subclasses talk to their sinks. */
export abstract class Http2Stream {
  readonly id: number
  /** Looks in a row that found it waiting for a peer that did nothing. */
  stalledLooks = 0
  /** Body bytes that came since the last look. */
  protected freshBytes = 0
  protected readonly host: StreamHost
  state: StreamState = StreamState.idle
  /** Bytes we may send. Can be negative after a change of settings (RFC 9113 §6.9.2). */
  sendWindowBytes: number
  /** Bytes that the peer may send. */
  receiveWindowBytes: number
  /** Body bytes still promised by `content-length`, −1 when none was. */
  expectedBytes = -1
  /** Unsent body, undefined when none waited ever. */
  queue: SendQueue | undefined
  /** The scheduler's: the stream behind this one. */
  nextPending: Http2Stream | undefined
  isPending = false
  /** The stream table's. */
  nextInTable: Http2Stream | undefined
  isPaused = false
  /** Nothing is sent or delivered any more. A closed stream that is not dead may still hold body for a paused sink. */
  isDead = false
  /** Octets of the head that is held for it, as they are charged (RFC 9113 §6.5.2). */
  headBytes = 0
  #held: Held | undefined
  /** The window that the peer has when all is taken. */
  #windowBytes: number
  /** The host's flush that a piece of the body was last given for. */
  #lastFlush = -1
  /** Bytes given to the sink for which the peer got no window back yet. */
  #uncreditedBytes = 0

  constructor(id: number, host: StreamHost, sendWindowBytes: number) {
    this.id = id
    this.host = host
    this.sendWindowBytes = sendWindowBytes
    this.receiveWindowBytes = host.streamWindowBytes
    this.#windowBytes = host.streamWindowBytes
  }

  protected abstract deliverBody(chunk: Buffer): void
  protected abstract deliverEnd(trailers: Fields): void
  protected abstract deliverDrain(): void
  /** Tells the sink, once, that the stream is dead. */
  protected abstract deliverError(error: MeshError): void

  /** What its window has grown by. */
  get grownBytes(): number {
    return this.#windowBytes - this.host.streamWindowBytes
  }

  /** Moves on; false when the event is illegal now. */
  advance(event: StreamEvent): boolean {
    const next = nextState(this.state, event)
    if (next === undefined) return false
    this.state = next
    return true
  }

  sendBody(chunk: Buffer): boolean {
    if (!this.#maySend() || chunk.length === 0) return true
    let queue = this.queue
    let sent = 0
    const { flushCount } = this.host
    const isCrumb = chunk.length < CRUMB_BYTES && this.#lastFlush === flushCount
    this.#lastFlush = flushCount
    if (!isCrumb && (queue === undefined || queue.bytes === 0)) {
      while (this.host.canSendData) {
        const count = this.host.sendData(this, chunk, sent, false)
        sent += count
        if (sent === chunk.length) return true
        if (count === 0) break
      }
    }
    if (queue === undefined) queue = this.queue = new SendQueue()
    queue.push(chunk, sent)
    this.host.memory.addUnsent(chunk.length - sent)
    this.host.addPending(this)
    if (!this.host.takesUnsent(this)) return true
    if (queue.bytes <= this.host.memory.highWaterBytes) return true
    queue.isSourceStopped = true
    return false
  }

  sendEnd(trailers: Fields): void {
    if (!this.#maySend()) return
    const queue = this.queue
    if (queue !== undefined && queue.bytes > 0) queue.trailers = trailers
    else this.host.sendEnd(this, trailers)
  }

  /** The scheduler's turn for this stream: sends at most one frame. False when the stream waits for window or has nothing left. */
  sendPending(): boolean {
    const queue = this.queue
    const chunk = queue?.chunk
    if (queue === undefined || chunk === undefined || this.state === StreamState.closed) return false
    const isLast = queue.trailers === NO_FIELDS && queue.bytes === chunk.length - queue.offset
    const sent = this.host.sendData(this, chunk, queue.offset, isLast)
    if (sent > 0) {
      queue.advance(sent)
      this.host.memory.addUnsent(-sent)
    }
    if (queue.bytes === 0 && queue.trailers !== undefined) {
      if (!isLast) this.host.sendEnd(this, queue.trailers)
      return false
    }
    this.#resumeSource(queue)
    return sent > 0 && queue.bytes > 0
  }

  /** The peer reads again, and some stream waited for that. */
  onReading(): void {}

  /** Whether body bytes may come now: not before a response's head. */
  abstract get takesBody(): boolean

  /** Padding costs window, and is given back at once. */
  creditPadding(bytes: number): void {
    this.#credit(bytes)
  }

  /** Takes a borrowed piece of the body. False when it is more than `content-length` promised. */
  receiveBody(octets: Buffer, start: number, end: number): boolean {
    const bytes = end - start
    this.freshBytes += bytes
    if (this.expectedBytes >= 0) {
      if (bytes > this.expectedBytes) return false
      this.expectedBytes -= bytes
    }
    if (bytes === 0) return true
    const chunk = octets.subarray(start, end)
    if (this.isPaused || this.#held !== undefined) {
      const held = this.#hold()
      held.pieces.append(chunk)
      held.creditedBytes += this.host.creditHeld(bytes)
      return true
    }
    this.#passOn(chunk)
    this.host.creditConnection(bytes)
    return true
  }

  /** The peer's side ended. False when that is illegal now, or `content-length` promised more. */
  receiveEnd(trailers: Fields): boolean {
    if (this.expectedBytes > 0 || !this.advance(StreamEvent.receiveEnd)) return false
    if (this.state === StreamState.closed) this.host.onStreamClosed(this)
    if (this.isPaused || this.#held !== undefined) this.#hold().trailers = trailers
    else this.deliverEnd(trailers)
    return true
  }

  pause(): void {
    this.isPaused = true
  }

  resume(): void {
    if (!this.isPaused || this.isDead) return
    this.isPaused = false
    const held = this.#held
    if (held === undefined) {
      this.#credit(0)
      return
    }
    for (let chunk = held.pieces.shift(); chunk !== undefined; chunk = held.pieces.shift()) {
      this.#letGo(held, chunk.length)
      this.#passOn(chunk)
      recyclePiece(chunk)
      if (this.isPaused || this.isDead) return
    }
    this.#held = undefined
    if (held.trailers !== undefined) this.deliverEnd(held.trailers)
    else this.#credit(0)
  }

  /** The stream dies of something outside of it: the sink hears it, the peer does not. */
  abort(error: MeshError): void {
    if (this.#kill()) this.deliverError(error)
    else this.#close() // given up, and now over
  }

  /** The peer, whose side is complete, wants no more of ours (RFC 9113 §8.1). What it sent is still delivered. */
  stopSending(): void {
    this.#dropQueue()
    this.#close()
  }

  /** Resets the stream because of the peer's fault and tells the sink. */
  fail(code: ErrorCode, error: MeshError): void {
    if (this.isDead) return
    if (this.state !== StreamState.closed) this.host.resetStream(this.id, code)
    this.abort(error)
  }

  /** Resets the stream without a word to the sink. */
  protected giveUp(code: ErrorCode): void {
    if (this.isDead || this.state === StreamState.idle) return
    if (this.state !== StreamState.closed) this.host.resetStream(this.id, code)
    this.#kill()
  }

  /** Nothing more is delivered or sent, but the peer does not know it yet: the stream stays open until it does. */
  protected forsake(): void {
    if (this.isDead || this.state === StreamState.idle) return
    this.#forget()
    if (this.state !== StreamState.closed) this.host.resetLater(this)
  }

  #kill(): boolean {
    if (this.isDead) return false
    this.#forget()
    this.#close()
    return true
  }

  #forget(): void {
    this.isDead = true
    this.#dropQueue()
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#letGo(held, held.pieces.bytes)
    held?.pieces.discard()
  }

  #dropQueue(): void {
    this.host.memory.addUnsent(-(this.queue?.bytes ?? 0))
    this.queue?.discard()
    this.queue = undefined
  }

  #close(): void {
    if (this.state === StreamState.closed) return
    this.state = StreamState.closed
    this.host.onStreamClosed(this)
  }

  #maySend(): boolean {
    const isOpen = this.state === StreamState.open || this.state === StreamState.halfClosedRemote
    return isOpen && this.queue?.trailers === undefined
  }

  #resumeSource(queue: SendQueue): void {
    if (!queue.isSourceStopped || queue.bytes > this.host.memory.highWaterBytes / 2) return
    queue.isSourceStopped = false
    this.deliverDrain()
  }

  #hold(): Held {
    this.#held ??= { pieces: new PieceList(), creditedBytes: 0, trailers: undefined }
    return this.#held
  }

  /** Held bytes leave our hands. */
  #letGo(held: Held, bytes: number): void {
    const credited = Math.min(bytes, held.creditedBytes)
    held.creditedBytes -= credited
    this.host.releaseHeld(credited)
    this.host.creditConnection(bytes - credited)
  }

  #passOn(chunk: Buffer): void {
    this.deliverBody(chunk)
    this.#credit(chunk.length)
  }

  /** Gives window back, by halves of it, and more of it, while the sink takes bytes. */
  #credit(bytes: number): void {
    this.#uncreditedBytes += bytes
    if (this.isPaused || this.#uncreditedBytes * 2 < this.#windowBytes) return
    if (!this.#peerMaySend()) return
    const more = this.host.windowGrowth.take(this.#windowBytes)
    this.#windowBytes += more
    this.host.sendWindowUpdate(this.id, this.#uncreditedBytes + more)
    this.receiveWindowBytes += this.#uncreditedBytes + more
    this.#uncreditedBytes = 0
  }

  #peerMaySend(): boolean {
    return this.state === StreamState.open || this.state === StreamState.halfClosedLocal
  }
}
