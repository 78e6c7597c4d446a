import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import type { TimerWheel, WheelEntry } from '../core/timer-wheel.ts'
import type { RequestHead } from '../http/head.ts'
import type { WireRefusal } from '../http/streams.ts'
import { Http2Connection } from '../http2/connection.ts'
import type { Http2Owner } from '../http2/http2-owner.ts'
import type { Http2Settings } from '../http2/http2-settings.ts'
import { LOOK_MS } from '../http2/peer-patience.ts'
import { type Http2Counters, http2Counters } from '../http2/stream/http2-counters.ts'
import type { ServerStream } from '../http2/stream/server-stream.ts'
import { type Flushable, flushAfterTurn } from './http2-flush.ts'
import { loopTurn } from './loop-turn.ts'
import { receiveFrom } from './shared-read.ts'

/** What both kinds of HTTP/2 connections are made with. */
export interface Http2SocketOptions {
  readonly settings: Http2Settings
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Whether silence is answered with a PING, and silence after it with the end: for peers elsewhere, who may vanish. */
  readonly keepAlive: boolean
  /** Where defences are counted; shared by connections. */
  readonly counters?: Http2Counters
}

/** How long a peer that is cut off may take to read why: one that does not read must not keep what waits for it. */
const LAST_WORDS_MS = 1_000

/**
 * Joins an established socket, plain or TLS, to HTTP/2: reads as it comes, writes once a turn, asks for signs of life, and
 * closes both together. Owns the socket.
 */
export abstract class Http2Socket implements Http2Owner, Flushable, WheelEntry {
  protected readonly connection: Http2Connection
  readonly #socket: Socket
  readonly #wheel: TimerWheel
  readonly #keepAlive: boolean
  wheelNext: WheelEntry | undefined
  wheelPrevious: WheelEntry | undefined
  wheelSlot = -1
  wheelRounds = 0
  /** Bytes read and written, TLS not counted. */
  receivedBytes = 0
  sentBytes = 0
  /** The socket is gone, or the connection failed. */
  isClosed = false
  /** Something was read since the last look. */
  #hasHeard = false
  #silentLooks = 0
  #turn = -1
  #isWritable = true
  #writesInFlight = 0
  /** A flush waits for the write in flight. */
  #isFlushDue = false
  /** Draining is complete. */
  #isEnding = false
  #error: MeshError | undefined

  constructor(role: 'client' | 'server', socket: Socket, options: Http2SocketOptions) {
    this.#socket = socket
    this.#wheel = options.wheel
    this.#keepAlive = options.keepAlive
    this.connection = new Http2Connection({
      role,
      settings: options.settings,
      clock: options.clock,
      counters: options.counters ?? http2Counters(),
      owner: this,
      peerAddress: `${socket.remoteAddress}:${socket.remotePort}`,
    })
    socket.setNoDelay(true)
    socket.allowHalfOpen = false // there is nothing to say to a peer that hears no answers
    receiveFrom(socket, (chunk, length) => this.receive(chunk, length))
    socket.on('drain', () => this.#onDrain())
    socket.on('end', () => setImmediate(this.#onPeerEnd))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error ??= this.closingError(error.code ?? error.message)
    })
    socket.on('close', () => this.#onClose())
    socket.resume()
    options.wheel.schedule(this, LOOK_MS)
    flushAfterTurn(this)
  }

  /** Why it is over, where that was an error. */
  get failure(): MeshError | undefined {
    return this.#error
  }

  get openStreamCount(): number {
    return this.connection.openStreamCount
  }

  /** Breaks the connection off: every stream hears of it. */
  destroy(): void {
    this.#socket.destroy()
    this.#onClose()
  }

  abstract onRequest(head: RequestHead, end: boolean, stream: ServerStream): void
  abstract onRefused(refusal: WireRefusal): void
  abstract onCapacity(): void
  abstract onGoAway(): void
  /** The connection is over; called once. */
  protected abstract onGone(): void
  /** What streams hear when the socket dies of `reason`. */
  protected abstract closingError(reason: string): MeshError

  onOutput(): void {
    if (this.#isWritable) flushAfterTurn(this)
  }

  flush(): void {
    // One write at a time: what comes meanwhile leaves in one more, and the octets of the last one are used again.
    if (this.#writesInFlight === 0) return this.#write()
    this.#isFlushDue = true
    this.connection.fallBehind()
  }

  #write(): void {
    if (!this.#isWritable || this.#socket.destroyed) return
    const octets = this.connection.takeOutput()
    if (octets.length > 0) {
      this.sentBytes += octets.length
      this.#writesInFlight++
      this.#isWritable = this.#socket.write(octets, this.#onWritten)
    }
    // After the write, for what goes on may write, too.
    if (this.#isWritable) this.connection.goOn()
    else this.connection.setWritable(false)
  }

  /**
   * The peer hears nothing more. Node would end our side behind the write in flight, and where that write is of TLS and its
   * peer went at the end of the handshake, its callback never comes.
   */
  readonly #onPeerEnd = (): void => {
    this.#socket.destroy()
  }

  readonly #onWritten = (): void => {
    if (--this.#writesInFlight > 0) return
    this.connection.reuseOutput()
    if (!this.#isFlushDue) return
    this.#isFlushDue = false
    this.flush()
  }

  onPong(): void {}

  onDrained(): void {
    this.#isEnding = true
    this.#endWhenWritten()
  }

  onClosed(error: MeshError): void {
    this.#error = error
    this.#write()
    this.#socket.destroySoon()
    this.#leave()
    if (!this.#socket.destroyed) this.#wheel.schedule(this, LAST_WORDS_MS)
  }

  /** A look: silence since the last one is answered with a PING, silence for a timeout more with the end: the peer is gone. */
  onTimeout(): void {
    if (this.isClosed) return void this.#socket.destroy()
    this.connection.look()
    this.#wheel.schedule(this, LOOK_MS)
    if (this.#keepAlive) this.#checkPeer()
  }

  #checkPeer(): void {
    this.#silentLooks = this.#hasHeard ? 0 : this.#silentLooks + 1
    this.#hasHeard = false
    if (this.#silentLooks > LIMITS.linkPingTimeoutMs / LOOK_MS) {
      this.#error = this.closingError('the peer did not answer a PING')
      this.destroy()
      return
    }
    if (this.#silentLooks === 1) this.connection.ping()
  }

  /** Takes the first `length` octets of `chunk`, which is borrowed: what the socket reads, or what was read before this was made. */
  receive(chunk: Buffer, length: number): void {
    this.#hasHeard = true
    this.receivedBytes += length
    const turn = loopTurn()
    if (turn !== this.#turn) {
      this.#turn = turn
      this.connection.beginTurn()
    }
    const wasHeldBack = this.connection.isHeldBack
    this.connection.receive(length === chunk.length ? chunk : chunk.subarray(0, length))
    if (wasHeldBack || !this.connection.isHeldBack) return
    this.#socket.pause()
    setImmediate(this.#proceed)
  }

  /** What was more than the connection's share of the last turn. Nothing is read before it. */
  readonly #proceed = (): void => {
    this.#turn = loopTurn()
    this.connection.beginTurn()
    this.connection.proceed()
    if (this.connection.isHeldBack) setImmediate(this.#proceed)
    else if (!this.isClosed) this.#socket.resume()
  }

  #onDrain(): void {
    this.#isWritable = true
    this.connection.setWritable(true)
    this.#endWhenWritten()
  }

  /** Ends the socket behind the last octets; while it takes none, they and the end wait. */
  #endWhenWritten(): void {
    if (!this.#isEnding || !this.#isWritable) return
    this.#write()
    this.#socket.end()
  }

  #onClose(): void {
    this.#wheel.cancel(this)
    this.connection.close(this.#error ?? this.closingError('the peer closed the connection'))
    this.#leave()
  }

  #leave(): void {
    this.#wheel.cancel(this)
    if (this.isClosed) return
    this.isClosed = true
    this.onGone()
  }
}
