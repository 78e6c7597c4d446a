import type { Timer } from '../core/clock.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { AttemptOutcome, Decision } from '../decide/decision.ts'
import { countedStatus, type GrpcStatus, grpcStatusOf } from '../http/grpc-status.ts'
import { asksForTunnel, type Fields, NO_FIELDS, type RequestHead, type ResponseHead } from '../http/head.ts'
import { decidedResponse, isGrpc, type LocalResponse, sendWhole } from '../http/local-response.ts'
import type { DownstreamStream, RequestSink, ResponseSink, UpstreamStream } from '../http/streams.ts'
import { deadlineMs, describeTimeout, dueAtMs } from './exchange-deadline.ts'
import { type ExchangeNotes, newNotes } from './exchange-notes.ts'
import { KeptBody } from './kept-body.ts'
import type { Attempt, Lane } from './lane.ts'
import type { ExchangeDeps } from './lane-deps.ts'
import { TimedExchange } from './timed-exchange.ts'

/**
 * One request and its response, from the caller's stream to the callee's. It relays both bodies with back-pressure,
 * keeps the time, and starts further tries; what to do is decided by its lane. One object per exchange serves as the
 * sink of both streams, as the entry on the timer wheel and as the try.
 */
export class Exchange extends TimedExchange implements RequestSink, ResponseSink, Attempt {
  readonly head: RequestHead
  readonly stream: DownstreamStream
  /** What the lane notes: set by it, and read by it and by the record. */
  readonly notes: ExchangeNotes = newNotes()
  attemptHead: RequestHead
  attemptFields: Fields = NO_FIELDS
  requestBytes = 0
  responseBytes = 0
  /** What gRPC says of the answer, in its trailers or its only head; undefined until it does, and in other protocols. */
  grpcStatus: GrpcStatus | undefined

  readonly #deps: ExchangeDeps
  readonly #lane: Lane<this>
  #upstream: UpstreamStream | undefined
  readonly #body: KeptBody
  #status = 0
  #isOver = false
  #isAttempting = false
  /** Octets both ways, for as long as both sides like: an upgraded connection, a granted CONNECT. */
  #isTunnel = false
  #isAnswered = false
  #headLatencyMs = 0
  /** When the current try's head was sent: a handshake before it says nothing about the endpoint's speed. */
  #sentMs = 0
  #isOpening = false
  #retryTimer: Timer | undefined
  #decision: (Decision & { kind: 'forward' | 'deliver' }) | undefined
  /** The try begins when the caller reads. */
  #isPutOff = false

  constructor(lane: Lane<Exchange>, deps: ExchangeDeps, head: RequestHead, end: boolean, stream: DownstreamStream) {
    super(deps.clock, deps.wheel, end || asksForTunnel(head))
    this.#lane = lane as Lane<this>
    this.#deps = deps
    this.head = head
    this.attemptHead = head
    this.stream = stream
    this.#body = new KeptBody(deps.newReplayBuffer, end)
  }

  /** Decides and acts. Called once, after the stream has its sink. */
  begin(): void {
    if (this.#isOver) return // given up while it waited to begin
    this.#obey(this.#lane.decide(this))
  }

  /** The request, as far as it came, can be sent again from its beginning. */
  get canReplay(): boolean {
    return this.#body.canReplay
  }

  /** No body follows the head of the current try. */
  get attemptEnd(): boolean {
    if (asksForTunnel(this.head)) return false
    return this.#body.isEnded && this.requestBytes === 0 && this.#body.trailers.length === 0
  }

  /** A try is under way and its response has not begun. */
  get isAwaitingHead(): boolean {
    return this.#isAttempting && !this.hasHead
  }

  get hasHead(): boolean {
    return this.#status !== 0
  }

  // ---- decisions ----

  #obey(decision: Decision): void {
    switch (decision.kind) {
      case 'forward':
      case 'deliver':
        if (decision.kind === 'forward' && decision.delayMs > 0) {
          const { clock } = this.#deps
          this.lastActivityMs = clock.nowMs() + decision.delayMs // a wait that was decided is no idleness
          this.armTimer()
          this.#retryTimer = clock.after(decision.delayMs, () => this.#attempt(decision), { background: true })
        } else this.#attempt(decision)
        return
      case 'answer':
        this.#answer(decidedResponse(decision.response), undefined)
        return
      case 'refuse':
        this.#refuse(decision.error) // `relay` answers a status, and never comes here
    }
  }

  #attempt(decision: Decision & { kind: 'forward' | 'deliver' }): void {
    this.#retryTimer = undefined
    this.#isAttempting = true
    this.attempts++
    this.attemptStartMs = this.lastActivityMs = this.#sentMs = this.#deps.clock.nowMs()
    this.#headLatencyMs = 0
    this.grpcStatus = undefined
    this.#isOpening = true
    this.#decision = decision
    // Hop by hop (RFC 9110 §10.1.1), and not before it is decided that the body is wanted: the callee is never asked, so that
    // nothing hangs between two waits.
    if (this.head.expectsContinue && this.attempts === 1) this.stream.sendInterim(100, NO_FIELDS)
    this.#lane.open(this, decision)
    this.#isOpening = false
    if (!this.#isOver) this.armTimer()
  }

  /** The try is over. `latencyMs` of a try that had an answer is the time to its head. */
  #endAttempt(outcome: AttemptOutcome | 'abandoned'): void {
    if (!this.#isAttempting) return
    this.#isAttempting = false
    const latencyMs = this.#headLatencyMs > 0 ? this.#headLatencyMs : this.#deps.clock.nowMs() - this.attemptStartMs
    this.#lane.onAttemptEnd(this, latencyMs, outcome)
  }

  // ---- the request, from the caller ----

  onBody(chunk: Buffer): void {
    if (this.#isOver) return
    this.requestBytes += chunk.length
    this.touch()
    this.#body.keep(chunk, this.#upstream !== undefined)
    if (this.#upstream === undefined || !this.#upstream.sendBody(chunk)) this.stream.pause()
  }

  onEnd(trailers: Fields): void {
    if (this.#isOver) return
    this.#body.isEnded = true
    this.#body.trailers = trailers
    this.#upstream?.sendEnd(trailers)
    if (this.#isAnswered) this.#complete()
    else if (!this.hasHead) {
      this.askedMs = Math.min(this.askedMs, this.#deps.clock.nowMs())
      this.armTimer()
    }
  }

  onAbort(error: MeshError): void {
    if (this.#isOver) return
    this.#dropUpstream()
    this.#finish(error)
  }

  onDrain(): void {
    if (!this.#isPutOff) return this.#upstream?.resume()
    this.#isPutOff = false
    if (!this.#isOver && this.#decision !== undefined) this.#lane.open(this, this.#decision)
  }

  // ---- the try ----

  /** Outbound, a try that was opened has its endpoint and its span already. */
  mayBegin(): boolean {
    this.#isPutOff = this.#lane.direction === 'inbound' && !this.stream.takesAnswer()
    return !this.#isPutOff
  }

  onStream(stream: UpstreamStream): void {
    this.#upstream = stream
    if (!this.#isOpening) this.#sentMs = this.#deps.clock.nowMs()
    if (this.attemptEnd) return
    if (this.#body.sendTo(stream)) this.stream.resume()
  }

  onRequestDrain(): void {
    if (!this.#isOver) this.stream.resume()
  }

  // ---- the response, from the callee ----

  onInterim(status: number, fields: Fields): void {
    if (status !== 100) this.stream.sendInterim(status, fields) // 100-continue is each hop's own (RFC 9110 §10.1.1)
  }

  onResponseHead(head: ResponseHead, end: boolean): void {
    if (this.#isOver) return
    this.#headLatencyMs = Math.max(this.#deps.clock.nowMs() - this.#sentMs, 0.001)
    if (end) this.#noteGrpcStatus(head.fields)
    if (countedStatus(head.status, this.grpcStatus) >= 400 && this.#triesAgain(head)) return
    this.#status = head.status
    this.touch()
    this.#isTunnel = head.status === 101 || (this.head.method === 'CONNECT' && head.status < 300)
    if (this.#isTunnel) this.cancelTimer() // no request timeout holds for it
    this.#body.release()
    this.stream.sendHead(this.#lane.editResponse(this, head), end)
    if (end) this.#complete()
  }

  onResponseBody(chunk: Buffer): void {
    if (this.#isOver) return
    if (this.responseBytes === 0) this.#lane.onResponseBody(this)
    this.responseBytes += chunk.length
    this.touch()
    if (!this.stream.sendBody(chunk)) this.#upstream?.pause()
  }

  onResponseEnd(trailers: Fields): void {
    if (this.#isOver) return
    this.#noteGrpcStatus(trailers)
    this.stream.sendEnd(trailers)
    this.#isAnswered = true
    // Each direction of a tunnel ends by itself; HTTP/1.1 alone closes both at once.
    if (!this.#isTunnel || this.#body.isEnded || this.stream.protocol === 'http/1.1') this.#complete()
  }

  #noteGrpcStatus(fields: Fields): void {
    if (fields.length > 0 && isGrpc(this.head.fields)) this.grpcStatus = grpcStatusOf(fields)
  }

  onResponseError(error: MeshError): void {
    if (this.#isOver) return
    this.#upstream = undefined
    this.#fail(error)
  }

  /** The response is complete. A request that is not is given up: its answer is known (RFC 9112 §9.3, RFC 9113 §8.1). */
  #complete(): void {
    this.#endAttempt({ kind: 'status', status: this.#status, grpcStatus: this.grpcStatus, fields: NO_FIELDS })
    if (!this.#body.isEnded) this.#dropUpstream()
    this.#finish(undefined)
  }

  /** A try failed: another one, or the end. After a head went to the caller nothing is tried again. */
  #fail(error: MeshError): void {
    const outcome: AttemptOutcome = { kind: 'error', error }
    if (this.hasHead) {
      this.#endAttempt(outcome)
      this.stream.reset(error)
      this.#finish(error)
      return
    }
    this.#endAttempt(outcome)
    this.#obey(this.#lane.afterAttempt(this, outcome))
  }

  /** Asks whether an answer should be thrown away for another try, and if so begins it. The try counts as over either way. */
  #triesAgain({ status, fields }: ResponseHead): boolean {
    const outcome: AttemptOutcome = { kind: 'status', status, grpcStatus: this.grpcStatus, fields }
    this.#endAttempt(outcome)
    const decision = this.#lane.afterAttempt(this, outcome)
    if (decision.kind !== 'forward') return false
    this.#dropUpstream()
    this.#obey(decision)
    return true
  }

  onTimeout(): void {
    if (this.#isOver || this.#isTunnel) return
    const nowMs = this.#deps.clock.nowMs()
    if (nowMs < dueAtMs(this.plan, this)) return this.armTimer()
    const isWhole = nowMs >= deadlineMs(this.plan, this)
    this.#dropUpstream()
    const error = meshError('timeout', describeTimeout(this.plan, this, isWhole))
    if (isWhole && !this.hasHead) {
      this.#endAttempt({ kind: 'error', error })
      this.#refuse(error)
    } else this.#fail(error)
  }

  // ---- endings ----

  #answer(response: LocalResponse, error: MeshError | undefined): void {
    this.#status = response.head.status
    sendWhole(this.stream, this.head.method, response)
    this.#finish(error)
  }

  #refuse(error: MeshError): void {
    this.#answer(this.#lane.refusal(this, error), error)
  }

  #dropUpstream(): void {
    const upstream = this.#upstream
    this.#upstream = undefined
    if (upstream !== undefined) upstream.cancel()
    else if (this.#isAttempting) this.#lane.abandon(this)
  }

  #finish(error: MeshError | undefined): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#endAttempt(error === undefined || error.code === 'cancelled' ? 'abandoned' : { kind: 'error', error })
    this.cancelTimer()
    this.#retryTimer?.cancel()
    this.#body.release()
    this.#lane.onEnd(this, { status: this.#status, error, durationMs: this.#deps.clock.nowMs() - this.startMs })
  }
}
