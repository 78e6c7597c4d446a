import type { Socket } from 'node:net'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { NO_FIELDS, type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import type { DownstreamStream, RequestSink } from '../http/streams.ts'
import { TcpEnd } from './tcp-end.ts'

/** The head that stands for a connection to `authority`: a CONNECT, so that it travels, and is decided, as a request does. */
export const connectHead = (authority: string): RequestHead => ({
  method: 'CONNECT',
  scheme: 'http',
  authority,
  path: authority,
  fields: NO_FIELDS,
  bodyLength: UNKNOWN_LENGTH,
  upgrade: undefined,
  expectsContinue: false,
})

/** The caller's side of a tunnel: a connection that was accepted. Reading begins at once; whether the callee or the caller speaks first is theirs. */
export class TcpDownstream extends TcpEnd implements DownstreamStream {
  readonly protocol = 'tcp'
  readonly peerAddress: string
  #sink: RequestSink | undefined
  readonly #onClosed: () => void

  constructor(socket: Socket, onClosed: () => void) {
    super(socket)
    this.peerAddress = `${socket.remoteAddress ?? ''}:${socket.remotePort ?? 0}`
    this.#onClosed = onClosed
  }

  attach(sink: RequestSink): void {
    this.#sink = sink
    this.resume()
  }

  sendInterim(): void {
    // TCP has no word for it.
  }

  /** A connection has no head: one that is not granted is reset. */
  sendHead(head: ResponseHead): void {
    if (head.status < 200 || head.status > 299) this.breakOff()
  }

  reset(_error: MeshError): void {
    this.breakOff()
  }

  /** A tunnel in flight is never idle; a drain waits for its end. */
  readonly isIdle = false

  drain(): void {}

  /** Breaks off, and tells the exchange. */
  destroy(): void {
    this.socket.destroy()
  }

  protected onOctets(chunk: Buffer): void {
    this.#sink?.onBody(chunk)
  }

  protected onInputEnd(): void {
    this.#sink?.onEnd(NO_FIELDS)
  }

  protected onRoom(): void {
    this.#sink?.onDrain()
  }

  protected onBroken(reason: string): void {
    this.#sink?.onAbort(meshError('cancelled', `the caller's connection broke (${reason})`))
  }

  protected override onClosed(): void {
    this.#onClosed()
  }
}
