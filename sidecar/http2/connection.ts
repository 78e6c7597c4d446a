import { ByteQueue } from '../core/byte-queue.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import { type Fields, NO_FIELDS, type RequestHead } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import { ConnectionCore } from './connection-core.ts'
import { ControlFrames } from './control-frames.ts'
import { FrameReader } from './frame/frame-reader.ts'
import { CLIENT_PREFACE, ErrorCode, INITIAL_WINDOW_BYTES, MAX_31_BITS } from './frame/frame-type.ts'
import { headListBytes } from './head-encoding.ts'
import type { Http2Options } from './http2-owner.ts'
import { settingsFrame } from './http2-settings.ts'
import { PeerPatience } from './peer-patience.ts'
import { ReceivedFrames } from './received-frames.ts'
import { ReceivedHeads } from './received-heads.ts'
import { ClientStream } from './stream/client-stream.ts'

/**
 * One HTTP/2 connection, either end, without a socket (RFC 9113): the owner gives it what arrives and writes what it
 * collects. All frames of a turn leave in one `takeOutput`.
 */
export class Http2Connection {
  readonly #core: ConnectionCore
  readonly #heads: ReceivedHeads
  readonly #control: ControlFrames
  readonly #frames: ReceivedFrames
  readonly #reader: FrameReader
  readonly #patience: PeerPatience
  /** What came and is for the next turn. */
  readonly #held = new ByteQueue()
  /** Octets of the client's preface that a server still waits for. */
  #prefaceLeft: number
  #isDraining = false

  constructor(options: Http2Options) {
    const core = new ConnectionCore(options)
    this.#core = core
    this.#heads = new ReceivedHeads(core)
    this.#control = new ControlFrames(core, this.#heads)
    this.#frames = new ReceivedFrames(core, this.#heads, this.#control)
    this.#reader = new FrameReader(this.#frames, core.budget)
    this.#patience = new PeerPatience(core, this.#reader, this.#frames)
    this.#prefaceLeft = core.role === 'server' ? CLIENT_PREFACE.length : 0
    if (core.role === 'client') core.writer.output.append(CLIENT_PREFACE, 0, CLIENT_PREFACE.length)
    core.writer.settings(settingsFrame(core.settings, core.role))
    const more = core.settings.connectionWindowBytes - INITIAL_WINDOW_BYTES
    if (more > 0) core.writer.windowUpdate(0, more)
  }

  /** Streams open now. */
  get openStreamCount(): number {
    return this.#core.streams.size
  }

  /** The peer's SETTINGS came: what it allows is known, and no guess any more. */
  get knowsPeer(): boolean {
    return this.#core.peer.areKnown
  }

  /** Streams that the peer allows us to have open at once. */
  get streamLimit(): number {
    return this.#core.peer.streamCount
  }

  /** Whether `openStream` would open one. Not where slow readers hold so much that an answer could not come through. */
  get canOpenStream(): boolean {
    const core = this.#core
    const mayOpen = core.role === 'client' && !core.isClosed && !core.isGoingAway && !core.isStuck
    return (
      mayOpen &&
      !core.receiveWindow.isClogged &&
      core.streams.size < core.peer.streamCount &&
      this.#control.nextStreamId < MAX_31_BITS
    )
  }

  /** All stream ids are used up (RFC 9113 §5.1.1): a new connection is needed. */
  get isExhausted(): boolean {
    return this.#control.nextStreamId >= MAX_31_BITS
  }

  /** Takes what arrived; `chunk` is borrowed. */
  receive(chunk: Buffer): void {
    if (this.#core.isClosed) return
    if (this.isHeldBack) return void this.#held.append(chunk)
    const at = this.#prefaceLeft > 0 ? this.#readPreface(chunk) : 0
    if (this.#core.isClosed) return
    const next = this.#reader.receive(chunk, at)
    if (next === chunk.length || this.#core.isClosed) return
    this.#core.guard.counters.heldBack++
    this.#held.append(chunk, next)
  }

  /** The peer sent more than its share of a turn: `proceed` in the next one, and read no more until nothing is held back. */
  get isHeldBack(): boolean {
    return this.#held.length > 0
  }

  /** A turn of the event loop began: the peer has a share of it again. An owner that never says so sets no bounds. */
  beginTurn(): void {
    this.#core.budget.renew()
  }

  /** Reads on in what was held back. */
  proceed(): void {
    if (this.#core.isClosed) return this.#held.clear()
    this.#held.consume(this.#reader.receive(this.#held.view()))
  }

  /** All octets that `takeOutput` gave were sent: the room that they had is used again. */
  reuseOutput(): void {
    this.#core.writer.output.reuse()
  }

  /** All that waits to be sent, possibly nothing; a view that is not written again before `reuseOutput`. Call it when `onOutput` was said and the socket takes more. */
  takeOutput(): Buffer {
    return this.#core.takeOutput()
  }

  /** What was taken is written, and the socket takes more: what waited for room goes on, and may call the owner. */
  goOn(): void {
    this.#core.goOn()
  }

  /** What waits cannot be taken in this turn: the last write is still under way. */
  fallBehind(): void {
    this.#core.outflow.fallBehind()
  }

  /** Whether the socket takes more. While it does not, body bytes wait in their streams, whose sources are told to stop. */
  setWritable(isWritable: boolean): void {
    this.#core.setWritable(isWritable)
  }

  /**
   * Client: opens a stream with a request; `extra` fields follow those of the head, which so can be the same object for
   * many requests. Undefined when no stream can be opened: at the peer's limit, or after GOAWAY.
   */
  openStream(
    head: RequestHead,
    end: boolean,
    sink: ResponseSink,
    extra: Fields = NO_FIELDS,
  ): UpstreamStream | undefined {
    if (!this.canOpenStream) return undefined
    const core = this.#core
    const id = this.#control.nextStreamId
    this.#control.nextStreamId += 2
    core.guard.streamOpened()
    const stream = new ClientStream(
      id,
      core,
      core.peer.streamWindowBytes,
      head.method,
      head.upgrade !== undefined,
      sink,
    )
    core.streams.add(stream)
    core.addHead(stream, headListBytes(head, extra))
    core.sendRequestHead(stream, head, end, extra)
    return stream
  }

  /** To be called every `LOOK_MS`: whoever waits for a peer that does not go on is given up after a while. */
  look(): void {
    if (this.#core.isClosed) return
    this.#core.releaseCancels()
    this.#core.writer.output.fit()
    this.#patience.look()
  }

  /** Asks for a sign of life; the owner hears `onPong`, and times the answer. */
  ping(): void {
    if (!this.#core.isClosed) this.#control.ping()
  }

  /**
   * Leaves gracefully. A server says so twice: at first it still takes what is under way, after a round trip nothing new
   * (RFC 9113 §6.8). A client opens no more streams. `onDrained` follows when the last stream has ended.
   */
  goAway(): void {
    if (this.#isDraining || this.#core.isClosed) return
    this.#isDraining = true
    this.#control.startDrain()
  }

  /** The second step of `goAway` at once, for an owner that does not wait for the peer's answer any longer. */
  finishGoAway(): void {
    this.goAway()
    this.#control.finishDrain()
  }

  /** The socket is gone: every stream hears `error`. Nothing is sent. */
  close(error: MeshError): void {
    this.#reader.stop()
    this.#frames.stopWaiting()
    this.#core.close(error)
  }

  /** Compares with the client's preface. The offset after what it took. */
  #readPreface(chunk: Buffer): number {
    const from = CLIENT_PREFACE.length - this.#prefaceLeft
    const count = Math.min(this.#prefaceLeft, chunk.length)
    this.#prefaceLeft -= count
    if (chunk.compare(CLIENT_PREFACE, from, from + count, 0, count) !== 0) {
      this.#core.fail(ErrorCode.protocolError, 'no connection preface')
    }
    return count
  }
}
