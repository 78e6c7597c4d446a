import type { Endpoint } from '../config/resources.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import type { Fields, RequestHead } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { Attempt } from '../pipeline/lane.ts'

/** Where links lead to: an endpoint of the mesh, or an application on this host. */
export type LinkTarget = Pick<Endpoint, 'id' | 'address' | 'port' | 'identity'>

/** One mesh link, as the pool uses it: an HTTP/2 client connection over mutual TLS. */
export interface Link {
  readonly canOpenStream: boolean
  readonly openStreamCount: number
  /** Streams that the peer allows at once. */
  readonly streamLimit: number
  readonly isClosed: boolean
  request(head: RequestHead, end: boolean, sink: ResponseSink, extra: Fields): UpstreamStream | undefined
  /** No new streams; closes when the last one has ended. */
  retire(): void
  destroy(): void
}

/** Hears of one dial, exactly once; afterwards of the link's capacity and end. */
export interface DialListener {
  onLink(link: Link): void
  onDialFailed(error: MeshError): void
  /** A stream ended, or the peer raised its limits: waiting tries may go. */
  onCapacity(link: Link): void
  /** The link is closed, or closing: it takes no more streams. */
  onGone(link: Link): void
}

/** Makes one link to an endpoint, and proves who is at the other end. */
export type DialLink = (endpoint: LinkTarget, timeoutMs: number, listener: DialListener) => void

/** The sink and head of a try. */
export type LinkAttempt = Attempt & ResponseSink
