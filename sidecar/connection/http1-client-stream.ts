import type { Fields } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'

/** What a try may ask of its connection. Calls of a stream that is not the current one are ignored. */
export interface ClientStreamOwner {
  sendRequestBody(stream: Http1ClientStream, chunk: Buffer): boolean
  sendRequestEnd(stream: Http1ClientStream, trailers: Fields): void
  cancelRequest(stream: Http1ClientStream): void
  pauseResponse(stream: Http1ClientStream, isPaused: boolean): void
}

/** One try on an HTTP/1.1 connection to an application. Its own object, so that a late call cannot touch the next try. */
export class Http1ClientStream implements UpstreamStream {
  readonly sink: ResponseSink
  isRequestComplete: boolean
  readonly #owner: ClientStreamOwner

  constructor(owner: ClientStreamOwner, sink: ResponseSink, isComplete: boolean) {
    this.#owner = owner
    this.sink = sink
    this.isRequestComplete = isComplete
  }

  sendBody(chunk: Buffer): boolean {
    return this.#owner.sendRequestBody(this, chunk)
  }

  sendEnd(trailers: Fields): void {
    this.#owner.sendRequestEnd(this, trailers)
  }

  cancel(): void {
    this.#owner.cancelRequest(this)
  }

  pause(): void {
    this.#owner.pauseResponse(this, true)
  }

  resume(): void {
    this.#owner.pauseResponse(this, false)
  }
}
