import type { Clock } from '../core/clock.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import type { RequestHead } from '../http/head.ts'
import type { WireRefusal } from '../http/streams.ts'
import type { Http2Settings } from './http2-settings.ts'
import type { Http2Counters } from './stream/http2-counters.ts'
import type { ServerStream } from './stream/server-stream.ts'

/** What a connection tells its owner, who has the socket. */
export interface Http2Owner {
  /** Something waits in `takeOutput`. Said once until it is taken. */
  onOutput(): void
  /** Servers: a complete head arrived; attach a sink before returning. */
  onRequest(head: RequestHead, end: boolean, stream: ServerStream): void
  /** Servers: what came was no request; its caller is told. */
  onRefused(refusal: WireRefusal): void
  /** A stream ended, or the peer changed what it allows: `canOpenStream` may have changed. */
  onCapacity(): void
  /** The peer announced that it takes no more streams. */
  onGoAway(): void
  /** The answer to `ping`. */
  onPong(): void
  /** Draining is complete: what waits may be written and the socket closed. */
  onDrained(): void
  /** The connection failed; its last word is in the output. All streams have heard it. */
  onClosed(error: MeshError): void
}

/** What a connection is made with. */
export interface Http2Options {
  readonly role: 'client' | 'server'
  readonly settings: Http2Settings
  readonly clock: Clock
  readonly owner: Http2Owner
  readonly counters: Http2Counters
  /** `ip:port`, for `DownstreamStream.peerAddress`. */
  readonly peerAddress: string
}
