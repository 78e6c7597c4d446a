import type { MeshError } from '../core/mesh-errors.ts'
import type { AttemptOutcome, Decision } from '../decide/decision.ts'
import type { Fields, RequestHead, ResponseHead } from '../http/head.ts'
import type { LocalResponse } from '../http/local-response.ts'
import type { DownstreamStream, UpstreamStream } from '../http/streams.ts'
import type { ExchangeEnd } from './exchange-end.ts'

/** A try as the pools see it: what is sent, and who hears of it. The exchange itself implements it, so that a try allocates nothing. */
export interface Attempt {
  /** The head to send, after edits. */
  readonly attemptHead: RequestHead
  /** No body follows. */
  readonly attemptEnd: boolean
  /** Fields that differ from request to request, sent after the head's own: they stay out of header-block caches. */
  readonly attemptFields: Fields
  /**
   * Whether it may begin now; asked when its turn has come. After a no it is out of the pool, and comes again by itself.
   */
  mayBegin(): boolean
  /** The stream is open and the head is sent; called before anything of `ResponseSink`, at once or when a connection is made. */
  onStream(stream: UpstreamStream): void
}

/** What an exchange asks of the direction it travels in: outbound and inbound each have one, for all their exchanges. */
export interface Lane<E> {
  readonly direction: 'outbound' | 'inbound'
  /** The first decision. */
  decide(exchange: E): Decision
  /** Another try, or the answer to give up with. */
  afterAttempt(exchange: E, outcome: AttemptOutcome): Decision
  /** Starts the try that `decision` asks for. Ends in `onStream`, or in `onResponseError`, never both at first. */
  open(exchange: E, decision: Decision & { kind: 'forward' | 'deliver' }): void
  /** Forgets a try that has no stream yet. */
  abandon(exchange: E): void
  /** The response's head is about to go to the caller: the place for header edits. */
  editResponse(exchange: E, head: ResponseHead): ResponseHead
  /** The first of the response's body has come. */
  onResponseBody(exchange: E): void
  /** The answer to a request that is refused here. */
  refusal(exchange: E, error: MeshError): LocalResponse
  /** One try is over; `latencyMs` from its start to the response's head, or to its failure. */
  onAttemptEnd(exchange: E, latencyMs: number, outcome: AttemptOutcome | 'abandoned'): void
  /** The exchange is over. Called exactly once. */
  onEnd(exchange: E, end: ExchangeEnd): void
}

/** What `onRequest` hands to an exchange. */
export interface ExchangeStart {
  readonly head: RequestHead
  readonly end: boolean
  readonly stream: DownstreamStream
}
