import type { Socket } from 'node:net'
import { Http1ServerConnection } from '../connection/http1-server-connection.ts'
import { Http2ServerConnection } from '../connection/http2-server-connection.ts'
import { receiveFrom } from '../connection/shared-read.ts'
import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import type { TimerWheel, WheelEntry } from '../core/timer-wheel.ts'
import type { StreamHandler } from '../http/streams.ts'
import type { Http1Counters } from '../http1/http1-counters.ts'
import { STRANGER_SETTINGS } from '../http2/http2-settings.ts'
import type { Http2Counters } from '../http2/stream/http2-counters.ts'

/** What a connection is made with whose peer may speak either HTTP. */
export interface CapturedOptions<Peer> {
  readonly handler: StreamHandler<Peer>
  readonly peer: Peer
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Where defences are counted. */
  readonly counters: Http2Counters
  readonly http1Counters?: Http1Counters
  /** The connection is closed; called once. */
  readonly onClosed: () => void
}

/** One accepted connection, whatever it speaks. */
export interface PlainConnection {
  /** No exchange is in flight. */
  readonly isIdle: boolean
  /** What is in flight, or else the next moment, is the last. */
  drain(): void
  destroy(): void
}

/** An accepted connection until its first octets have said who is to serve it. Owns the socket, which is paused, until then. */
export abstract class AwaitingConnection<Options extends CapturedOptions<unknown>>
  implements PlainConnection, WheelEntry
{
  wheelNext: WheelEntry | undefined
  wheelPrevious: WheelEntry | undefined
  wheelSlot = -1
  wheelRounds = 0
  protected readonly socket: Socket
  protected readonly options: Options
  /** What serves it, once that is known. */
  protected served: PlainConnection | undefined
  /** What came and was too little to tell; undefined: nothing did. */
  protected early: Buffer | undefined

  /** @param silenceMs how long nothing may come before `onTimeout` */
  constructor(socket: Socket, options: Options, silenceMs: number) {
    this.socket = socket
    this.options = options
    socket.allowHalfOpen = true
    this.listen()
    options.wheel.schedule(this, silenceMs)
  }

  /** Some octets came: `octets` is all of them so far, borrowed. Ends in `serveHttp`, in another's hands, or in `waitFor`. */
  protected abstract hear(octets: Buffer): void

  /** No exchange is in flight. */
  get isIdle(): boolean {
    return this.served?.isIdle ?? true
  }

  /** What is in flight, or else the next moment, is the last. */
  drain(): void {
    if (this.served === undefined) this.destroy()
    else this.served.drain()
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** Nothing came in time, or not enough of it. */
  onTimeout(): void {
    this.destroy()
  }

  protected listen(): void {
    const { socket } = this
    receiveFrom(socket, this.#onOctets)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.onGone)
    socket.resume()
  }

  /** Leaves the socket to whoever takes it. */
  protected unlisten(): void {
    const { socket } = this
    this.options.wheel.cancel(this)
    socket.removeListener('end', this.#onEnd)
    socket.removeListener('error', this.#onError)
    socket.removeListener('close', this.onGone)
  }

  /** Too little came: a copy of it is kept, and the rest has as long as a head. */
  protected waitFor(octets: Buffer): void {
    if (this.early === undefined) this.options.wheel.schedule(this, LIMITS.headTimeoutMs)
    this.early = Buffer.from(octets)
  }

  /** Serves HTTP on it from here on; `octets` are what was read. */
  protected serveHttp(spoken: 'http1' | 'http2', octets: Buffer): void {
    this.unlisten()
    this.early = undefined
    const { handler, peer, clock, wheel, counters, http1Counters, onClosed } = this.options
    const connection =
      spoken === 'http2'
        ? new Http2ServerConnection(this.socket, {
            handler,
            peer,
            clock,
            wheel,
            counters,
            settings: STRANGER_SETTINGS,
            keepAlive: false,
            onClosed,
          })
        : new Http1ServerConnection(this.socket, {
            handler,
            peer,
            wheel,
            ...(http1Counters === undefined ? {} : { counters: http1Counters }),
            onClosed,
          })
    this.served = connection
    connection.receive(octets, octets.length)
  }

  /** The caller says no more. */
  protected onEnd(): void {
    this.destroy()
  }

  protected readonly onGone = (): void => {
    this.options.wheel.cancel(this)
    this.options.onClosed()
  }

  readonly #onOctets = (chunk: Buffer, length: number): void => {
    const come = chunk.subarray(0, length)
    this.hear(this.early === undefined ? come : Buffer.concat([this.early, come]))
  }

  readonly #onEnd = (): void => this.onEnd()
  readonly #onError = (): void => this.destroy()
}
