import type { Socket } from 'node:net'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { Fields, RequestHead } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { ServerStream } from '../http2/stream/server-stream.ts'
import { Http2Socket, type Http2SocketOptions } from './http2-socket.ts'

/** What a dialled connection is made with. */
export interface Http2ClientOptions extends Http2SocketOptions {
  /** A stream ended, or the peer changed its limits: `canOpenStream` may be true again. */
  readonly onCapacity: () => void
  /** No more streams here: the peer went away, or the connection is over. Called once; not by `retire` itself. */
  readonly onGone: () => void
}

/** `ready` takes requests; `draining` finishes those it has; `closed` has none. */
export type Http2ClientState = 'ready' | 'draining' | 'closed'

/** HTTP/2 on a socket that we dialled and that is established, after the TLS handshake where there is one. Owns the socket. */
export class Http2ClientConnection extends Http2Socket {
  readonly #options: Http2ClientOptions
  #isDraining = false
  #isGone = false

  constructor(socket: Socket, options: Http2ClientOptions) {
    super('client', socket, options)
    this.#options = options
  }

  get state(): Http2ClientState {
    return this.isClosed ? 'closed' : this.#isDraining ? 'draining' : 'ready'
  }

  /** The peer's SETTINGS came; `onCapacity` says when. */
  get knowsPeer(): boolean {
    return this.connection.knowsPeer
  }

  /** Streams that the peer allows at once. */
  get streamLimit(): number {
    return this.connection.streamLimit
  }

  /** Whether `request` would open a stream now. */
  get canOpenStream(): boolean {
    return !this.isClosed && this.connection.canOpenStream
  }

  /**
   * Sends a request; `extra` fields follow those of the head (a trace id), so that the head can be the same object each
   * time. Undefined at the peer's limit of streams, or when the connection is leaving. The sink hears every outcome.
   */
  request(head: RequestHead, end: boolean, sink: ResponseSink, extra: Fields): UpstreamStream | undefined {
    if (this.isClosed) return undefined
    const stream = this.connection.openStream(head, end, sink, extra)
    if (this.connection.isExhausted) {
      this.retire()
      this.#tellGone()
    }
    return stream
  }

  /** No new streams; closes when the last one has ended. */
  retire(): void {
    this.#isDraining = true
    this.connection.goAway()
  }

  onRequest(_head: RequestHead, _end: boolean, stream: ServerStream): void {
    stream.reset(meshError('bad-request', 'requests are not taken on a connection that we dialled'))
  }

  onRefused(): void {
    // As above.
  }

  onCapacity(): void {
    this.#options.onCapacity()
  }

  onGoAway(): void {
    this.#isDraining = true
    this.#tellGone()
  }

  protected onGone(): void {
    this.#tellGone()
  }

  protected closingError(reason: string): MeshError {
    return meshError('reset', `the connection is gone: ${reason}`)
  }

  #tellGone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#options.onGone()
  }
}
