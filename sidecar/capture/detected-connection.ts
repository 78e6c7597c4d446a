import type { Socket } from 'node:net'
import { Http1ServerConnection } from '../connection/http1-server-connection.ts'
import { Http2ServerConnection } from '../connection/http2-server-connection.ts'
import { receiveFrom } from '../connection/shared-read.ts'
import { spokenOfHttp } from '../connection/spoken.ts'
import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import type { TimerWheel, WheelEntry } from '../core/timer-wheel.ts'
import type { StreamHandler } from '../http/streams.ts'
import { STRANGER_SETTINGS } from '../http2/http2-settings.ts'
import type { Http2Counters } from '../http2/stream/flood-guard.ts'

/** What a connection is made with whose peer may speak either HTTP. */
export interface DetectedOptions<Peer> {
  readonly handler: StreamHandler<Peer>
  readonly peer: Peer
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Where defences are counted. */
  readonly counters: Http2Counters
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

/** Serves HTTP on a connection from here on; `octets` are what was read of it. Who listened to the socket must have left it. */
export function serveHttp<Peer>(
  socket: Socket,
  spoken: 'http1' | 'http2',
  octets: Buffer,
  options: DetectedOptions<Peer>,
): PlainConnection {
  const { handler, peer, clock, wheel, counters, onClosed } = options
  const connection =
    spoken === 'http2'
      ? new Http2ServerConnection(socket, {
          handler,
          peer,
          clock,
          wheel,
          counters,
          settings: STRANGER_SETTINGS,
          keepAlive: false,
          onClosed,
        })
      : new Http1ServerConnection(socket, { handler, peer, wheel, onClosed })
  connection.receive(octets, octets.length)
  return connection
}

/** An accepted plain connection: HTTP/2 where its first octets say so, else HTTP/1. Owns the socket, which is paused. */
export class DetectedConnection<Peer> implements PlainConnection, WheelEntry {
  wheelNext: WheelEntry | undefined
  wheelPrevious: WheelEntry | undefined
  wheelSlot = -1
  wheelRounds = 0
  readonly #socket: Socket
  readonly #options: DetectedOptions<Peer>
  #established: PlainConnection | undefined
  /** The beginning of a preface; undefined: nothing came yet. */
  #early: Buffer | undefined

  constructor(socket: Socket, options: DetectedOptions<Peer>) {
    this.#socket = socket
    this.#options = options
    socket.allowHalfOpen = true
    receiveFrom(socket, this.#onFirst)
    socket.on('end', this.#onSilent)
    socket.on('error', this.#onSilent)
    socket.on('close', this.#onGone)
    socket.resume()
    options.wheel.schedule(this, LIMITS.idleConnectionMs)
  }

  /** No exchange is in flight. */
  get isIdle(): boolean {
    return this.#established?.isIdle ?? true
  }

  /** What is in flight, or else the next moment, is the last. */
  drain(): void {
    if (this.#established === undefined) this.#socket.destroy()
    else this.#established.drain()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Nothing came in time, or not enough of it. */
  onTimeout(): void {
    this.#socket.destroy()
  }

  readonly #onFirst = (chunk: Buffer, length: number): void => {
    const come = chunk.subarray(0, length)
    const octets = this.#early === undefined ? come : Buffer.concat([this.#early, come])
    const spoken = spokenOfHttp(octets)
    if (spoken !== 'more') return this.#establish(spoken, octets)
    if (this.#early === undefined) this.#options.wheel.schedule(this, LIMITS.headTimeoutMs)
    this.#early = Buffer.from(octets)
  }

  readonly #onSilent = (): void => {
    this.#socket.destroy()
  }

  readonly #onGone = (): void => {
    this.#options.wheel.cancel(this)
    this.#options.onClosed()
  }

  #establish(spoken: 'http1' | 'http2', octets: Buffer): void {
    const socket = this.#socket
    this.#options.wheel.cancel(this)
    socket.removeListener('end', this.#onSilent)
    socket.removeListener('error', this.#onSilent)
    socket.removeListener('close', this.#onGone)
    this.#early = undefined
    this.#established = serveHttp(socket, spoken, octets, this.#options)
  }
}
