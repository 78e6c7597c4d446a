import type { MeshError } from '../core/mesh-errors.ts'
import type { Fields, RequestHead, ResponseHead } from './head.ts'

/*
 * The four interfaces that join wires to the pipeline. A connection of either protocol implements the streams; an
 * exchange implements the sinks. They call each other directly: no events, no promises, no closure per request.
 *
 * Rules for all of them:
 * - A `chunk` is borrowed: it is valid until the call returns. Who needs it longer copies it.
 * - Calls after the end (`sendEnd`, `reset`, `onEnd`, `onAbort`) are ignored by streams and never made to sinks.
 * - A stream may call its sink back inside a call to it (`reset` never does).
 */

/** What the octets of a caller are: messages of HTTP, or a connection that is carried as it is. */
export type Wire = 'http/1.1' | 'h2' | 'tcp'

/** The caller's side of one exchange: implemented by HTTP/1 and HTTP/2 server connections. */
export interface DownstreamStream {
  readonly protocol: Wire
  /** Address of the peer, for logs: `ip:port`. */
  readonly peerAddress: string
  /** Attaches the sink. Called once, synchronously inside `StreamHandler.onRequest`. */
  attach(sink: RequestSink): void
  /**
   * Whether an answer may be asked for now: not while the peer reads nothing and much waits for it. After a no,
   * `RequestSink.onDrain` says when it may.
   */
  takesAnswer(): boolean
  /** An interim response: 100, 103. */
  sendInterim(status: number, fields: Fields): void
  /** The final head. `end` when no body and no trailers follow. */
  sendHead(head: ResponseHead, end: boolean): void
  /** A piece of the body. False when the peer takes no more for now: stop until `RequestSink.onDrain`. */
  sendBody(chunk: Buffer): boolean
  /** The end of the response, with trailers or `NO_FIELDS`. */
  sendEnd(trailers: Fields): void
  /**
   * Breaks the response off so that the peer can tell: RST_STREAM, or closing the connection of HTTP/1 before its
   * framing is complete. Also the way to give up on a request whose response is complete but whose body is not.
   */
  reset(error: MeshError): void
  /** Stop and go on delivering the request's body; a paused stream grants its peer no more window. */
  pause(): void
  resume(): void
}

/** What an exchange hears from the caller. */
export interface RequestSink {
  onBody(chunk: Buffer): void
  /** The request is complete. Not called when `onRequest` said so already. */
  onEnd(trailers: Fields): void
  /** The caller went away, or broke the protocol. The stream is dead. */
  onAbort(error: MeshError): void
  /** The caller takes bytes again after `sendBody` or `takesAnswer` answered false. */
  onDrain(): void
}

/** What came in the place of a request, and was answered by its wire before anybody was asked. */
export interface WireRefusal {
  readonly error: MeshError
  readonly protocol: Wire
  /** Status that the caller got; 0 when its stream was broken off. */
  readonly status: number
  /** `ip:port`. */
  readonly peerAddress: string
}

/** Takes the requests of a connection. One per listener. */
export interface StreamHandler<Peer> {
  /** For the records only: it has been answered. */
  onRefused(refusal: WireRefusal, peer: Peer): void
  /** A complete head arrived; `end` when no body follows. Must `attach` a sink before it returns. */
  onRequest(head: RequestHead, end: boolean, stream: DownstreamStream, peer: Peer): void
}

/** The callee's side of one try: implemented by HTTP/1 and HTTP/2 client connections. */
export interface UpstreamStream {
  /** A piece of the request's body. False when the peer takes no more for now: stop until `ResponseSink.onRequestDrain`. */
  sendBody(chunk: Buffer): boolean
  sendEnd(trailers: Fields): void
  /** Gives the try up: RST_STREAM(CANCEL), or closing the connection of HTTP/1. The sink hears nothing more. */
  cancel(): void
  /** Stop and go on delivering the response's body; a paused stream grants its peer no more window. */
  pause(): void
  resume(): void
}

/** What a try hears from the callee. */
export interface ResponseSink {
  onInterim(status: number, fields: Fields): void
  onResponseHead(head: ResponseHead, end: boolean): void
  onResponseBody(chunk: Buffer): void
  onResponseEnd(trailers: Fields): void
  /** The try failed. `error.code` says what another try may rely on (`refused` and `connect-failure`: nothing was processed). */
  onResponseError(error: MeshError): void
  onRequestDrain(): void
}
