import type { Endpoint, ServiceResource } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import { afterAttempt } from '../decide/after-attempt.ts'
import { hopsOf } from '../decide/check-request.ts'
import type { AttemptOutcome, Decision } from '../decide/decision.ts'
import { grpcTimeoutOf } from '../decide/request-timeout.ts'
import { SILENT } from '../decide/trace-step.ts'
import { declinedToCaller, declinesUpgrade } from '../http/declined-upgrade.ts'
import { editFields } from '../http/edit-fields.ts'
import { findField, withField } from '../http/fields.ts'
import { countedStatus } from '../http/grpc-status.ts'
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead } from '../http/head.ts'
import { ATTEMPT_FIELD, CALLER_WIRE, HOPS_FIELD, PORT_FIELD, stripMeshFields } from '../http/header-rules.ts'
import { isGrpc, type LocalResponse, localResponse, relayedToCaller } from '../http/local-response.ts'
import type { WireRefusal } from '../http/streams.ts'
import type { Exchange } from '../pipeline/exchange.ts'
import type { ExchangeEnd } from '../pipeline/exchange-end.ts'
import { routeLabel, toRecord, toRefusalRecord } from '../pipeline/exchange-recorder.ts'
import type { Lane } from '../pipeline/lane.ts'
import type { LaneDeps } from '../pipeline/lane-deps.ts'
import { addStepEvents, decideFirst, endAttemptSpan, keepDecision, worldOf } from '../pipeline/lane-tracing.ts'
import { dropTraceContext, forwardTraceContext, toTraceparent } from '../telemetry/trace-context.ts'
import { newSpanId } from '../telemetry/trace-ids.ts'
import { TcpDialer } from '../tunnel/tcp-upstream.ts'
import type { AppPool } from '../upstream/app-pool.ts'
import type { LinkPool } from '../upstream/link-pool.ts'

/** What leaves our application: found, balanced, carried over mesh links, tried again where that is safe. */
export class OutboundLane implements Lane<Exchange> {
  readonly direction = 'outbound'
  readonly #deps: LaneDeps
  readonly #links: LinkPool
  readonly #plain: AppPool
  readonly #tcp: TcpDialer

  constructor(deps: LaneDeps, links: LinkPool, plain: AppPool) {
    this.#deps = deps
    this.#links = links
    this.#plain = plain
    this.#tcp = new TcpDialer(deps.wheel)
  }

  /** A service's port as the control plane told it; its only one when `port` is undefined. */
  findPort(service: string, port: number | undefined): ServiceResource['ports'][number] | undefined {
    const ports = this.#deps.snapshots.current.services.get(service)?.ports ?? []
    return port === undefined && ports.length === 1 ? ports[0] : ports.find((one) => one.port === port)
  }

  /** Notes which listener the request came through, before its exchange begins. */
  address(exchange: Exchange, service: string | undefined, port: number | undefined): void {
    const { head, stream } = exchange
    exchange.notes.facts = {
      direction: 'outbound',
      service,
      port,
      method: head.method,
      authority: head.authority,
      path: head.path,
      fields: head.fields,
      caller: this.#deps.snapshots.current.workload?.identity,
      wire: stream.protocol,
      callerAddress: stream.peerAddress.slice(0, stream.peerAddress.lastIndexOf(':')),
      priorAttempts: Number(findField(head.fields, ATTEMPT_FIELD) ?? 0) || 0,
    }
  }

  decide(exchange: Exchange): Decision {
    return this.#note(exchange, decideFirst(this.#deps, exchange))
  }

  afterAttempt(exchange: Exchange, outcome: AttemptOutcome): Decision {
    const { plan, notes } = exchange
    if (plan === undefined) return { kind: 'refuse', error: errorOf(outcome) }
    const { canReplay, remainingMs } = exchange
    const context = { canReplay, remainingMs, isOverMesh: notes.endpoint?.transport === 'mesh' }
    const decision = afterAttempt(plan, outcome, context, worldOf(this.#deps), notes.recorder ?? SILENT)
    if (decision.kind === 'forward') {
      if (decision.isFree !== true) this.#deps.load.onRetry(plan.service)
    } else if ('retryRefused' in decision && decision.retryRefused !== undefined)
      this.#deps.onRetryRefused(plan.service, decision.retryRefused)
    return this.#note(exchange, decision)
  }

  open(exchange: Exchange, decision: Decision & { kind: 'forward' | 'deliver' }): void {
    if (decision.kind !== 'forward') throw new Error('an outbound exchange is forwarded, never delivered')
    const { endpoint, plan } = decision
    const { notes } = exchange
    const load = this.#deps.load
    if (notes.countedService === undefined) {
      notes.countedService = plan.service
      load.onExchangeStart(plan.service)
    }
    load.onAttemptStart(plan.service, endpoint)
    this.#prepareHead(exchange, endpoint)
    const { connectTimeoutMs, circuitBreaker } = plan.traffic
    const { maxConnections, maxPending } = circuitBreaker
    if (endpoint.transport === 'mesh')
      this.#links.open(endpoint, exchange, connectTimeoutMs, maxConnections, maxPending)
    else if (exchange.stream.protocol === 'tcp')
      this.#tcp.open(endpoint.address, endpoint.port, exchange, { timeoutMs: connectTimeoutMs })
    else this.#plain.send(endpoint.address, endpoint.port, exchange, plan.traffic)
  }

  abandon(exchange: Exchange): void {
    const endpoint = exchange.notes.endpoint
    if (endpoint?.transport === 'mesh') this.#links.abandon(endpoint, exchange)
    else if (exchange.stream.protocol === 'tcp') this.#tcp.abandon(exchange)
    else if (endpoint !== undefined) this.#plain.abandon(endpoint.address, endpoint.port, exchange)
  }

  editResponse(exchange: Exchange, head: ResponseHead): ResponseHead {
    const { endpoint } = exchange.notes
    if (endpoint !== undefined && head.status < 500 && !awaitsTrailers(exchange))
      this.#deps.load.onAttemptAnswer(endpoint)
    const edits = exchange.notes.edits?.response
    // Without a sidecar at the other side it is the application that answers: it does not speak for the mesh.
    const isPlain = endpoint?.transport === 'plain'
    const given = isPlain ? stripMeshFields(head.fields) : head.fields
    const fields = edits === undefined ? given : editFields(given, edits)
    const edited = fields === head.fields ? head : { ...head, fields }
    const answer = isPlain ? edited : relayedToCaller(edited)
    return declinesUpgrade(exchange.head, head) ? declinedToCaller(answer, exchange.stream.protocol) : answer
  }

  onResponseBody(exchange: Exchange): void {
    const { endpoint } = exchange.notes
    if (endpoint !== undefined && awaitsTrailers(exchange)) this.#deps.load.onAttemptAnswer(endpoint)
  }

  refusal({ head }: Exchange, error: MeshError): LocalResponse {
    return localResponse(error, head.fields)
  }

  onAttemptEnd(exchange: Exchange, latencyMs: number, outcome: AttemptOutcome | 'abandoned'): void {
    const { notes, plan } = exchange
    endAttemptSpan(exchange, outcome)
    if (notes.endpoint === undefined || plan === undefined) return
    this.#deps.load.onAttemptEnd(plan.service, notes.endpoint, latencyMs, verdictOf(outcome), plan.traffic)
  }

  onEnd(exchange: Exchange, end: ExchangeEnd): void {
    const { notes } = exchange
    if (notes.countedService !== undefined) this.#deps.load.onExchangeEnd(notes.countedService)
    keepDecision(this.#deps, exchange, end.status)
    this.#deps.onRecord(toRecord('outbound', exchange, end, this.#deps.clock))
  }

  /** Notes what its wire refused before it was an exchange. */
  onRefused(refusal: WireRefusal, service: string): void {
    this.#deps.onRecord(toRefusalRecord('outbound', refusal, { service }, this.#deps.clock))
  }

  #note(exchange: Exchange, decision: Decision): Decision {
    const { notes } = exchange
    if (decision.kind === 'forward') {
      exchange.plan = decision.plan
      notes.service = decision.plan.service
      notes.route = decision.plan.route
      notes.endpoint = decision.endpoint
      notes.peerIdentity = decision.endpoint.identity ?? ''
      notes.edits = decision.edits
    } else if (notes.service === '') notes.service = notes.facts?.service ?? ''
    return decision
  }

  /** The head of this try: the caller's own one where nothing is to be changed, so that header-block caches know it again. */
  #prepareHead(exchange: Exchange, endpoint: Endpoint): void {
    const { head, notes } = exchange
    const { edits, trace } = notes
    let fields = stripMeshFields(head.fields)
    if (edits?.request !== undefined) fields = editFields(fields, edits.request)
    if (exchange.attempts > 1) fields = withTimeLeft(fields, exchange.remainingMs)
    const extra: string[] = []
    if (trace !== undefined) {
      notes.span = this.#deps.tracing.startClientSpan(trace, {
        method: head.method,
        scheme: head.scheme,
        authority: head.authority,
        path: head.path,
        service: notes.service,
        route: routeLabel(notes.route),
        endpointAddress: `${endpoint.address}:${endpoint.port}`,
        attempt: exchange.attempts,
        peerIdentity: endpoint.identity ?? '',
        isGrpc: isGrpc(head.fields),
      })
      addStepEvents(exchange)
      if (trace.format === 'new') {
        fields = dropTraceContext(fields)
        extra.push('traceparent', toTraceparent(trace, notes.span?.spanId ?? newSpanId(this.#deps.random)))
      } else fields = forwardTraceContext(fields, trace, notes.span?.spanId, this.#deps.random)
    }
    const hops = hopsOf(head.fields)
    if (hops > 0) extra.push(HOPS_FIELD, String(hops))
    if (exchange.attempts > 1) extra.push(ATTEMPT_FIELD, String(exchange.attempts - 1))
    const isMesh = endpoint.transport === 'mesh'
    if (isMesh) extra.push(PORT_FIELD, String(endpoint.appPort))
    if (isMesh && exchange.stream.protocol === 'h2') extra.push(CALLER_WIRE, 'h2')
    // HTTP/1 has no cache of header blocks that would be spoilt.
    exchange.attemptHead = editedHead(head, isMesh ? fields : [...fields, ...extra], edits?.authority, edits?.path)
    exchange.attemptFields = isMesh ? extra : NO_FIELDS
  }
}

/** A callee of gRPC is told how long its caller waits: of a further try, how long it still does. */
function withTimeLeft(fields: Fields, leftMs: number): Fields {
  if (leftMs === Number.POSITIVE_INFINITY || findField(fields, 'grpc-timeout') === undefined) return fields
  return withField(fields, 'grpc-timeout', grpcTimeoutOf(leftMs))
}

function editedHead(
  head: RequestHead,
  fields: Fields,
  authority: string | undefined,
  path: string | undefined,
): RequestHead {
  if (fields === head.fields && authority === undefined && path === undefined) return head
  return { ...head, fields, authority: authority ?? head.authority, path: path ?? head.path }
}

/** The head of an answer of gRPC says nothing yet: one that fails has, as a rule, no body before its trailers. */
const awaitsTrailers = ({ head, stream }: Exchange): boolean => stream.protocol === 'h2' && isGrpc(head.fields)

/** What a try says about its endpoint. The caller's going away, and our own refusals, say nothing. */
function verdictOf(outcome: AttemptOutcome | 'abandoned'): 'success' | 'failure' | 'neutral' {
  if (outcome === 'abandoned') return 'neutral'
  if (outcome.kind === 'status') return countedStatus(outcome.status, outcome.grpcStatus) >= 500 ? 'failure' : 'success'
  return outcome.error.code === 'circuit-open' || outcome.error.code === 'cancelled' ? 'neutral' : 'failure'
}

const errorOf = (outcome: AttemptOutcome): MeshError =>
  outcome.kind === 'error' ? outcome.error : meshError('reset', `the upstream answered ${outcome.status}`)
