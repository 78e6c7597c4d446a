import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { TurnBudget } from '../core/turn-budget.ts'
import type { Fields, RequestHead, ResponseHead } from '../http/head.ts'
import { ErrorCode, INITIAL_WINDOW_BYTES } from './frame/frame-type.ts'
import type { FrameWriter } from './frame/frame-writer.ts'
import { encodeFields, encodeRequest, encodeResponse } from './head-encoding.ts'
import { HpackDecoder } from './hpack/decoder.ts'
import { HpackEncoder } from './hpack/encoder.ts'
import type { Http2Options, Http2Owner } from './http2-owner.ts'
import { type Http2Settings, PeerSettings } from './http2-settings.ts'
import { Outflow } from './outflow.ts'
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
  readonly outflow: Outflow
  readonly writer: FrameWriter
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
  isClosed = false
  /** We told the peer, or were told, that no more streams are taken. */
  isGoingAway = false
  /** `onDrained` is due when the last stream ends. */
  closesWhenEmpty = false
  #isDrained = false
  readonly #cancels: CancelQueue
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
    this.outflow = new Outflow(this.memory, () => options.owner.onOutput())
    this.writer = this.outflow.writer
    this.windowGrowth = new WindowGrowth(settings.streamWindowMostBytes, settings.connectionWindowBytes / 2)
    this.budget = new TurnBudget(LIMITS.piecesPerTurnCount, settings.requestsPerTurnCount, LIMITS.cancelsPerTurnCount)
    this.peerAddress = options.peerAddress
    this.guard = new FloodGuard(settings, options.clock, options.counters)
    this.#cancels = new CancelQueue(settings, options.clock)
    this.encoder = new HpackEncoder(settings.headerTableBytes)
    const limits = { listBytes: settings.headerListBytes, fieldCount: settings.headerCount }
    this.decoder = new HpackDecoder(settings.headerTableBytes, limits)
    this.streamWindowBytes = settings.streamWindowBytes
    const heldBytes = this.role === 'client' ? settings.heldAnswerBytes : settings.heldRequestBytes
    this.receiveWindow = new ReceiveWindow(settings.connectionWindowBytes, heldBytes, () => this.owner.onCapacity())
  }

  get canSendData(): boolean {
    return this.#takesData && this.scheduler.isEmpty
  }

  get flushCount(): number {
    return this.outflow.takenCount
  }

  /** Nothing new should begin: the peer reads too little, or has begun too much. */
  get isStuck(): boolean {
    return this.outflow.isStuck || this.memory.isFull
  }

  get isDeaf(): boolean {
    return this.outflow.isDeaf
  }

  get #takesData(): boolean {
    return this.sendWindowBytes > 0 && this.outflow.takesBody
  }

  /** Hands over all that waits. `goOn` is to be called when it has been written. */
  takeOutput(): Buffer {
    this.outflow.prepare()
    this.releaseCancels()
    if (!this.scheduler.isEmpty) this.pump()
    return this.outflow.take()
  }

  /** What was taken has been written, and the socket takes more: the streams that waited for room go on. */
  goOn(): void {
    this.pump()
    if (!this.outflow.endBacklog()) return
    this.owner.onCapacity()
    if (!this.outflow.endAwaiting()) return
    for (const stream of this.streams.list()) stream.onReading()
  }

  setWritable(isWritable: boolean): void {
    this.outflow.setWritable(isWritable)
    if (isWritable) this.goOn()
  }

  awaitReading(): void {
    this.outflow.awaitReading()
  }

  /** Sends waiting body bytes, a frame of each stream in turn, while window and output take them. */
  pump(): void {
    while (this.#takesData && this.scheduler.runOne());
    this.outflow.announce()
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
    this.outflow.announce()
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
    this.outflow.announce()
  }

  #endHeaders(stream: Http2Stream, isEnd: boolean): void {
    this.writer.endHeaders(stream.id, isEnd, this.peer.frameBytes)
    if (isEnd) this.#ended(stream)
    this.outflow.announce()
  }

  #ended(stream: Http2Stream, event: StreamEvent = StreamEvent.sendEnd): void {
    if (stream.advance(event) && stream.state === StreamState.closed) this.onStreamClosed(stream)
  }

  /** RST_STREAM, for a stream that need not be there any more. */
  resetStream(streamId: number, code: ErrorCode): void {
    if (this.isClosed) return
    this.resets.add(streamId)
    this.writer.resetStream(streamId, code)
    this.outflow.announce()
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
    this.outflow.announce()
  }

  /** The stream's request has a head of so many octets, as RFC 9113 §6.5.2 counts them. */
  addHead(stream: Http2Stream, listBytes: number): void {
    stream.headBytes = listBytes
    this.memory.headBytes += listBytes
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
    if (this.guard.takesProvokedReset()) this.boundControlFrames()
    else this.fail(ErrorCode.enhanceYourCalm, 'too many stream errors')
  }

  /** Ends the connection when too many control frames wait: whoever makes us send them should read them. */
  boundControlFrames(): void {
    if (this.guard.takesControlFrame(this.writer.waitingControlFrames)) return
    this.fail(ErrorCode.enhanceYourCalm, 'control frames are not read')
  }

  /** A connection error (RFC 9113 §5.4.1): GOAWAY, and every stream hears of it. */
  fail(code: ErrorCode, detail: string): void {
    if (this.isClosed) return
    this.guard.countFault(code)
    this.writer.goAway(this.lastPeerStreamId, code, detail)
    this.outflow.announce()
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
