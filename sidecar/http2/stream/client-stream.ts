import type { MeshError } from '../../core/mesh-errors.ts'
import type { Fields, ResponseHead } from '../../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../../http/streams.ts'
import { ErrorCode } from '../frame/frame-type.ts'
import { Http2Stream } from './http2-stream.ts'
import type { StreamHost } from './stream-host.ts'

/** A stream that we opened: the callee's side of one try. */
export class ClientStream extends Http2Stream implements UpstreamStream {
  /** The response to HEAD has no body whatever its head says. */
  readonly isHead: boolean
  /** Opened by Extended CONNECT (RFC 8441): 200 is read as 101. */
  readonly isUpgrade: boolean
  /** CONNECT or Extended CONNECT: a success opens a tunnel. */
  readonly isTunnel: boolean
  /** The final head arrived. */
  hasHead = false
  interimCount = 0
  readonly #sink: ResponseSink
  #hasEnd = false

  constructor(
    id: number,
    host: StreamHost,
    sendWindowBytes: number,
    method: string,
    isUpgrade: boolean,
    sink: ResponseSink,
  ) {
    super(id, host, sendWindowBytes)
    this.isHead = method === 'HEAD'
    this.isUpgrade = isUpgrade
    this.isTunnel = isUpgrade || method === 'CONNECT'
    this.#sink = sink
  }

  get takesBody(): boolean {
    return this.hasHead
  }

  cancel(): void {
    if (this.host.takesCancel()) this.giveUp(ErrorCode.cancel)
    else this.forsake()
  }

  /** The final head; the connection moved the state already when it is the end. */
  receiveHead(head: ResponseHead, isEnd: boolean): void {
    this.hasHead = true
    this.#hasEnd = isEnd
    this.#sink.onResponseHead(head, isEnd)
  }

  receiveInterim(status: number, fields: Fields): void {
    this.interimCount++
    this.#sink.onInterim(status, fields)
  }

  protected deliverBody(chunk: Buffer): void {
    this.#sink.onResponseBody(chunk)
  }

  protected deliverEnd(trailers: Fields): void {
    this.#hasEnd = true
    this.#sink.onResponseEnd(trailers)
  }

  protected deliverDrain(): void {
    this.#sink.onRequestDrain()
  }

  protected deliverError(error: MeshError): void {
    if (!this.#hasEnd) this.#sink.onResponseError(error)
  }
}
