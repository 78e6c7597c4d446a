import type { MeshError } from '../../sidecar/core/mesh-errors.ts'
import type { Fields, RequestHead, ResponseHead } from '../../sidecar/http/head.ts'
import type { DownstreamStream, RequestSink, ResponseSink, UpstreamStream } from '../../sidecar/http/streams.ts'

/** A head as a caller sends it. */
export const requestHead = (change: Partial<RequestHead> = {}): RequestHead => ({
  method: 'GET',
  scheme: 'http',
  authority: 'orders',
  path: '/items',
  fields: [],
  bodyLength: 0,
  upgrade: undefined,
  expectsContinue: false,
  ...change,
})

/** A caller's stream that writes down what it is told. */
export class RecordingDownstream implements DownstreamStream {
  readonly protocol = 'http/1.1'
  readonly peerAddress = '127.0.0.1:4000'
  sink: RequestSink | undefined
  readonly heads: { head: ResponseHead; end: boolean }[] = []
  readonly interims: number[] = []
  body = ''
  isEnded = false
  trailers: Fields = []
  resetBy: MeshError | undefined
  isPaused = false
  /** What `sendBody` answers. */
  takesMore = true

  attach(sink: RequestSink): void {
    this.sink = sink
  }
  takesAnswer(): boolean {
    return this.takesMore
  }
  sendInterim(status: number): void {
    this.interims.push(status)
  }
  sendHead(head: ResponseHead, end: boolean): void {
    this.heads.push({ head, end })
    this.isEnded ||= end
  }
  sendBody(chunk: Buffer): boolean {
    this.body += chunk.toString('latin1')
    return this.takesMore
  }
  sendEnd(trailers: Fields): void {
    this.isEnded = true
    this.trailers = trailers
  }
  reset(error: MeshError): void {
    this.resetBy = error
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  get status(): number {
    return this.heads.at(-1)?.head.status ?? 0
  }
}

/** A callee's stream that writes down what it is told. */
export class RecordingUpstream implements UpstreamStream {
  readonly sink: ResponseSink
  body = ''
  isEnded = false
  isCancelled = false
  isPaused = false
  takesMore = true

  constructor(sink: ResponseSink) {
    this.sink = sink
  }
  sendBody(chunk: Buffer): boolean {
    this.body += chunk.toString('latin1')
    return this.takesMore
  }
  sendEnd(): void {
    this.isEnded = true
  }
  cancel(): void {
    this.isCancelled = true
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
}
