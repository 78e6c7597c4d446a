import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { TurnBudget } from '../core/turn-budget.ts'
import type { Fields, RequestHead, ResponseHead } from '../http/head.ts'
import { ErrorCode, INITIAL_WINDOW_BYTES } from './frame/frame-type.ts'
import { FrameWriter } from './frame/frame-writer.ts'
import { encodeFields, encodeRequest, encodeResponse } from './head-encoding.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import type { Http2Options, Http2Owner } from './http2-owner.ts'
import { type Http2Settings, PeerSettings } from './http2-settings.ts'
import { ReceiveWindow } from './receive-window.ts'
import { CancelQueue } from './stream/cancel-queue.ts'
import { FloodGuard } from './stream/flood-guard.ts'
import { HeldMemory } from './stream/held-memory.ts'
import type { Http2Stream } from './stream/http2-stream.ts'
import { SendScheduler } from './stream/send-scheduler.ts'
import type { ServerStream } from './stream/server-stream.ts'
import type { StreamHost } from './stream/stream-host.ts'
import { StreamMemory } from './stream/stream-memory.ts'
import { StreamEvent, StreamState } from './stream/stream-state.ts'
import { StreamTable } from './stream/stream-table.ts'
import { WindowGrowth } from './stream/window-growth.ts'

/** Body bytes wait in their streams once this much waits in the output: the rest of a turn's frames still leaves in one write. */
const OUTPUT_HIGH_BYTES = 256 * 1024

/** With this much unread by the peer, streams are refused; with as much in streams and output together, none asks for its answer. */
const OUTPUT_STUCK_BYTES = 1024 * 1024

const NO_OCTETS = Buffer.alloc(0)
const OVERFLOW = meshError('timeout', 'the caller does not read its answers, and more than enough of them wait')

/** The state of a connection that its parts share, and everything that it sends. */
export class ConnectionCore implements StreamHost {
  readonly role: 'client' | 'server'
  readonly settings: Http2Settings
  readonly owner: Http2Owner
  readonly clock: Clock
  readonly peerAddress: string
  /** What may still be read in this turn. */
  readonly budget: TurnBudget
  readonly peer = new PeerSettings()
  readonly guard: FloodGuard
  readonly writer = new FrameWriter()
  readonly encoder: HpackEncoder
  readonly decoder: HpackDecoder
  readonly streams = new StreamTable()
  readonly scheduler = new SendScheduler()
  readonly streamWindowBytes: number
  readonly windowGrowth: WindowGrowth
  readonly memory: HeldMemory
  /** Highest stream id of the peer that we took. */
  lastPeerStreamId = 0
  /** Bytes that we may send. */
  sendWindowBytes = INITIAL_WINDOW_BYTES
  readonly receiveWindow: ReceiveWindow
  flushCount = 0
  isWritable = true
  isClosed = false
  /** We told the peer, or were told, that no more streams are taken. */
  isGoingAway = false
  /** `onDrained` is due when the last stream ends. */
  closesWhenEmpty = false
  #isDrained = false
  #isAnnounced = false
  readonly #cancels: CancelQueue
  /** Streams wait until the peer reads. */
  #isAwaited = false
  /** Streams that we reset, lately: frames of theirs that are under way are no fault of the peer's (RFC 9113 §5.1). */
  readonly resets = new StreamMemory()
  /** Client: streams that are over, lately, for whatever reason. */
  readonly closedStreams = new StreamMemory()

  constructor(options: Http2Options) {
    const { settings } = options
    this.role = options.role
    this.settings = settings
    this.owner = options.owner
    this.clock = options.clock
    this.memory = new HeldMemory(settings.unsentHighWaterBytes, settings.requestHeadBytes)
    this.windowGrowth = new WindowGrowth(settings.streamWindowMostBytes, settings.connectionWindowBytes / 2)
    this.budget = new TurnBudget(LIMITS.piecesPerTurnCount, settings.requestsPerTurnCount)
    this.peerAddress = options.peerAddress
    this.guard = new FloodGuard(settings, options.clock, options.counters)
    this.#cancels = new CancelQueue(settings, options.clock)
    this.encoder = new HpackEncoder(settings.headerTableBytes)
    const limits = { listBytes: settings.headerListBytes, fieldCount: settings.headerCount }
    this.decoder = new HpackDecoder(settings.headerTableBytes, limits)
    this.streamWindowBytes = settings.streamWindowBytes
    const heldBytes = this.role === 'client' ? settings.heldAnswerBytes : settings.heldRequestBytes
    this.receiveWindow = new ReceiveWindow(settings.connectionWindowBytes, heldBytes)
  }

  get canSendData(): boolean {
    return this.#takesData && this.scheduler.isEmpty
  }

  /** The peer reads so little that nothing new should begin. */
  get isStuck(): boolean {
    return (!this.isWritable && this.writer.output.length > OUTPUT_STUCK_BYTES) || this.memory.isFull
  }

  get isDeaf(): boolean {
    return !this.isWritable && this.memory.unsentBytes + this.writer.output.length > OUTPUT_STUCK_BYTES
  }

  get #takesData(): boolean {
    return this.isWritable && this.sendWindowBytes > 0 && this.writer.output.length < OUTPUT_HIGH_BYTES
  }

  /** Tells the owner, once, that something waits. */
  announce(): void {
    if (this.#isAnnounced || this.writer.output.length === 0) return
    this.#isAnnounced = true
    this.owner.onOutput()
  }

  /** Hands over all that waits, and lets the streams that waited for room go on. */
  takeOutput(): Buffer {
    this.#isAnnounced = true
    this.releaseCancels()
    if (!this.scheduler.isEmpty) this.pump()
    const octets = this.writer.take()
    this.flushCount++
    this.#isAnnounced = false
    if (!this.scheduler.isEmpty) this.pump()
    return octets
  }

  setWritable(isWritable: boolean): void {
    this.isWritable = isWritable
    if (!isWritable) return
    this.#isAnnounced = false
    this.pump()
    this.announce()
    this.owner.onCapacity()
    if (!this.#isAwaited) return
    this.#isAwaited = false
    for (const stream of this.streams.list()) stream.onReading()
  }

  awaitReading(): void {
    this.#isAwaited = true
  }

  /** Sends waiting body bytes, a frame of each stream in turn, while window and output take them. */
  pump(): void {
    while (this.#takesData && this.scheduler.runOne());
    this.announce()
  }

  sendData(stream: Http2Stream, chunk: Buffer, at: number, isLast: boolean): number {
    const count = Math.min(chunk.length - at, stream.sendWindowBytes, this.sendWindowBytes, this.peer.frameBytes)
    if (count <= 0) return 0
    const isEnd = isLast && at + count === chunk.length
    stream.sendWindowBytes -= count
    this.sendWindowBytes -= count
    this.guard.dataSent()
    this.writer.data(stream.id, chunk, at, at + count, isEnd)
    if (isEnd) this.#ended(stream)
    this.announce()
    return count
  }

  addPending(stream: Http2Stream): void {
    if (stream.sendWindowBytes > 0) this.scheduler.add(stream)
  }

  takesUnsent(stream: Http2Stream): boolean {
    if (this.role === 'client' || !this.memory.isOverflowing) return true
    this.guard.counters.unsentOverflow++
    stream.fail(ErrorCode.enhanceYourCalm, OVERFLOW)
    this.countProvoked()
    return false
  }

  sendResponseHead(stream: ServerStream, head: ResponseHead, isEnd: boolean): void {
    stream.advance(StreamEvent.sendHeaders)
    this.writer.beginHeaders()
    const isSwitch = stream.isUpgrade && head.status === 101
    encodeResponse(this.encoder, this.writer.output, head, isSwitch ? 200 : head.status)
    this.#endHeaders(stream, isEnd)
  }

  sendInterim(stream: Http2Stream, status: number, fields: Fields): void {
    this.writer.beginHeaders()
    encodeFields(this.encoder, this.writer.output, status, fields)
    this.#endHeaders(stream, false)
  }

  sendRequestHead(stream: Http2Stream, head: RequestHead, isEnd: boolean, extra: Fields): void {
    stream.advance(StreamEvent.sendHeaders)
    this.writer.beginHeaders()
    encodeRequest(this.encoder, this.writer.output, head, extra)
    this.#endHeaders(stream, isEnd)
  }

  sendEnd(stream: Http2Stream, trailers: Fields): void {
    if (trailers.length > 0) {
      this.writer.beginHeaders()
      encodeFields(this.encoder, this.writer.output, 0, trailers)
      this.#endHeaders(stream, true)
      return
    }
    if (!this.writer.endLast(stream.id)) this.writer.data(stream.id, NO_OCTETS, 0, 0, true)
    this.#ended(stream)
    this.announce()
  }

  #endHeaders(stream: Http2Stream, isEnd: boolean): void {
    this.writer.endHeaders(stream.id, isEnd, this.peer.frameBytes)
    if (isEnd) this.#ended(stream)
    this.announce()
  }

  #ended(stream: Http2Stream, event: StreamEvent = StreamEvent.sendEnd): void {
    if (stream.advance(event) && stream.state === StreamState.closed) this.onStreamClosed(stream)
  }

  /** RST_STREAM, for a stream that need not be there any more. */
  resetStream(streamId: number, code: ErrorCode): void {
    if (this.isClosed) return
    this.resets.add(streamId)
    this.writer.resetStream(streamId, code)
    this.announce()
  }

  takesCancel(): boolean {
    return this.#cancels.takes()
  }

  resetLater(stream: Http2Stream): void {
    this.#cancels.add(stream)
  }

  readonly #sayCancel = (stream: Http2Stream): void => this.resetStream(stream.id, ErrorCode.cancel)

  /** The peer ended its side of a stream that we gave up. */
  onPeerEnded(stream: Http2Stream): void {
    this.#ended(stream, StreamEvent.receiveEnd)
  }

  /** Says what resets may be said by now. */
  releaseCancels(): void {
    this.#cancels.release(this.#sayCancel)
  }

  creditConnection(bytes: number): void {
    const due = this.receiveWindow.credit(bytes)
    if (due > 0) this.sendWindowUpdate(0, due)
  }

  creditHeld(bytes: number): number {
    const credited = this.receiveWindow.hold(bytes)
    this.creditConnection(credited)
    return credited
  }

  releaseHeld(bytes: number): void {
    this.receiveWindow.release(bytes)
  }

  sendWindowUpdate(streamId: number, bytes: number): void {
    if (this.isClosed) return
    this.writer.windowUpdate(streamId, bytes)
    this.announce()
  }

  onStreamClosed(stream: Http2Stream): void {
    if (!this.streams.delete(stream.id)) return
    this.memory.headBytes -= stream.headBytes
    this.windowGrowth.giveBack(stream.grownBytes)
    if (this.role === 'client') this.closedStreams.add(stream.id)
    this.checkDrained()
    this.owner.onCapacity()
  }

  /** Says `onDrained` when that is due. */
  checkDrained(): void {
    if (!this.closesWhenEmpty || this.#isDrained || this.isClosed || this.streams.size > 0) return
    this.#isDrained = true
    this.owner.onDrained()
  }

  /** A stream error of the peer's making (RFC 9113 §5.4.2), counted: too many of them end the connection (CVE-2025-8671). */
  failStream(stream: Http2Stream, code: ErrorCode, reason: string): void {
    stream.fail(code, meshError(this.role === 'server' ? 'bad-request' : 'protocol-error', reason))
    this.countProvoked()
  }

  /** Counts a RST_STREAM that the peer made us send. */
  countProvoked(): void {
    if (!this.guard.takesProvokedReset()) this.fail(ErrorCode.enhanceYourCalm, 'too many stream errors')
    else if (!this.guard.takesControlFrame(this.writer.waitingControlFrames)) {
      this.fail(ErrorCode.enhanceYourCalm, 'control frames are not read')
    }
  }

  /** A connection error (RFC 9113 §5.4.1): GOAWAY, and every stream hears of it. */
  fail(code: ErrorCode, detail: string): void {
    if (this.isClosed) return
    this.guard.countFault(code)
    this.writer.goAway(this.lastPeerStreamId, code, detail)
    this.announce()
    const error = meshError(this.role === 'server' ? 'bad-request' : 'protocol-error', `HTTP/2: ${detail}`)
    this.close(error)
    this.owner.onClosed(error)
  }

  /** The connection is no more: every stream hears `error`. */
  close(error: MeshError): void {
    if (this.isClosed) return
    this.isClosed = true
    this.scheduler.clear()
    for (const stream of this.streams.list()) stream.abort(error)
  }
}
