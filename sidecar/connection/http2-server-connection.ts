import type { Socket } from 'node:net'
import type { Timer } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { RequestHead } from '../http/head.ts'
import type { StreamHandler, WireRefusal } from '../http/streams.ts'
import type { ServerStream } from '../http2/stream/server-stream.ts'
import { Http2Socket, type Http2SocketOptions } from './http2-socket.ts'

/** What an accepted connection is made with. */
export interface Http2ServerOptions<Peer> extends Http2SocketOptions {
  readonly handler: StreamHandler<Peer>
  /** Handed to the handler with every request. */
  readonly peer: Peer
  /** The connection is over; called once. */
  readonly onClosed: () => void
}

/** HTTP/2 on an accepted socket, after the TLS handshake where there is one. Owns the socket. */
export class Http2ServerConnection<Peer> extends Http2Socket {
  readonly #options: Http2ServerOptions<Peer>
  #drainTimer: Timer | undefined

  constructor(socket: Socket, options: Http2ServerOptions<Peer>) {
    super('server', socket, options)
    this.#options = options
  }

  /** No exchange is in flight. */
  get isIdle(): boolean {
    return this.openStreamCount === 0
  }

  /**
   * Announces the end in two steps (RFC 9113 §6.8) and closes when the last stream has ended. A peer that does not answer the
   * first has so long for what is under way: then nothing new is taken of it.
   */
  drain(): void {
    this.connection.goAway()
    const { clock } = this.#options
    this.#drainTimer ??= clock.after(LIMITS.drainRoundTripMs, () => this.connection.finishGoAway(), {
      background: true,
    })
  }

  onRequest(head: RequestHead, end: boolean, stream: ServerStream): void {
    this.#options.handler.onRequest(head, end, stream, this.#options.peer)
  }

  onRefused(refusal: WireRefusal): void {
    this.#options.handler.onRefused(refusal, this.#options.peer)
  }

  onCapacity(): void {}

  onGoAway(): void {
    // The client closes the connection when its streams have ended.
  }

  protected onGone(): void {
    this.#drainTimer?.cancel()
    this.#options.onClosed()
  }

  protected closingError(reason: string): MeshError {
    return meshError('cancelled', `the connection of the caller is gone: ${reason}`)
  }
}
