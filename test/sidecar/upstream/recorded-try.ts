import type { MeshError } from '../../../sidecar/core/mesh-errors.ts'
import { type Fields, NO_FIELDS, type RequestHead } from '../../../sidecar/http/head.ts'
import type { ResponseSink, UpstreamStream } from '../../../sidecar/http/streams.ts'
import type { Attempt } from '../../../sidecar/pipeline/lane.ts'
import { requestHead } from '../../support/recording-streams.ts'

/** A try that writes down what a pool makes of it. */
export class RecordedTry implements Attempt, ResponseSink {
  readonly attemptHead: RequestHead
  readonly attemptEnd: boolean
  readonly attemptFields: Fields = NO_FIELDS
  readonly streams: UpstreamStream[] = []
  readonly statuses: number[] = []
  readonly errors: MeshError[] = []
  /** What the exchange does at that moment: it may ask the pool for another try. */
  onStarted: () => void = () => {}
  onFailed: () => void = () => {}

  /** @param isWhole whether the request has no body */
  constructor(method = 'GET', isWhole = true) {
    this.attemptHead = requestHead({ method })
    this.attemptEnd = isWhole
  }

  /** Where it stands, in one word: `waits`, `runs`, the status of its answer, or the code of its error. */
  get state(): string {
    const [error] = this.errors
    if (error !== undefined) return error.code
    const [status] = this.statuses
    if (status !== undefined) return String(status)
    return this.streams.length > 0 ? 'runs' : 'waits'
  }

  /** What `mayBegin` answers. */
  isReady = true

  mayBegin(): boolean {
    return this.isReady
  }

  onStream(stream: UpstreamStream): void {
    this.streams.push(stream)
    this.onStarted()
  }
  onResponseHead({ status }: { readonly status: number }): void {
    this.statuses.push(status)
  }
  onResponseError(error: MeshError): void {
    this.errors.push(error)
    this.onFailed()
  }
  onInterim(): void {}
  onResponseBody(): void {}
  onResponseEnd(): void {}
  onRequestDrain(): void {}
}

/** The states of several tries, in their order: `runs waits waits`. */
export const statesOf = (tries: readonly RecordedTry[]): string => tries.map(({ state }) => state).join(' ')
