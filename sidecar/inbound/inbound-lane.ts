import type { Protocol } from '../config/resources.ts'
import { LIMITS } from '../core/limits.ts'
import { MESH_ERRORS, type MeshError, meshError } from '../core/mesh-errors.ts'
import { hopsOf } from '../decide/check-request.ts'
import type { AttemptOutcome, Decision } from '../decide/decision.ts'
import { isIdempotent } from '../decide/idempotency.ts'
import { declinedOnLink, declinedToCaller, declinesUpgrade } from '../http/declined-upgrade.ts'
import { findField } from '../http/fields.ts'
import type { Fields, RequestHead, ResponseHead } from '../http/head.ts'
import { ATTEMPT_FIELD, CALLER_WIRE, HOPS_FIELD, PORT_FIELD, stripMeshFields } from '../http/header-rules.ts'
import { isGrpc, type LocalResponse, linkResponse, localResponse } from '../http/local-response.ts'
import type { Wire, WireRefusal } from '../http/streams.ts'
import type { Exchange } from '../pipeline/exchange.ts'
import type { ExchangeEnd } from '../pipeline/exchange-end.ts'
import { toRecord, toRefusalRecord } from '../pipeline/exchange-recorder.ts'
import type { Lane } from '../pipeline/lane.ts'
import type { LaneDeps } from '../pipeline/lane-deps.ts'
import { addStepEvents, decideFirst, keepDecision } from '../pipeline/lane-tracing.ts'
import { ANONYMOUS, CallerShares, largestShare } from '../resilience/caller-shares.ts'
import { forwardTraceContext } from '../telemetry/trace-context.ts'
import { TcpDialer } from '../tunnel/tcp-upstream.ts'
import type { AppLimits } from '../upstream/address-connections.ts'
import type { AppPool } from '../upstream/app-pool.ts'
import type { LinkTarget } from '../upstream/link.ts'
import type { LinkPool } from '../upstream/link-pool.ts'
import { type GrpcWebForm, grpcWebForm } from './grpc-web-stream.ts'

/** Who calls, and by which way. */
export interface Caller {
  /** Proven SPIFFE ID; undefined for a caller without mutual TLS. */
  readonly identity: string | undefined
  /** Its IP address, without a port. */
  readonly address: string
  /** Value of `x-forwarded-client-cert` for the application: our identity and the caller's. */
  readonly clientCertField?: string
  /** The application's port that the listener is for; on a mesh link the request says it. */
  readonly appPort?: number
}

/** The application is on this host: it is up or it is not. */
const APP_LIMITS: AppLimits = {
  connectTimeoutMs: 2_000,
  circuitBreaker: { maxConnections: 1_024, maxPending: LIMITS.pendingPerEndpointCount },
}

/** Exchanges with one application that speaks HTTP/2, and connections: another one only when the streams of those there are used up. */
const APP_STREAM_COUNT = 4_096
const APP_HTTP2_CONNECTION_COUNT = 64

/** How the pool of HTTP/2 connections calls an application's port, to people too. */
export const appTargetId = (appPort: number): string => `the application's port ${appPort}`

/** What arrives for our application: who calls is known, may they is decided, and it is handed over. */
export class InboundLane implements Lane<Exchange> {
  readonly direction = 'inbound'
  readonly #deps: LaneDeps
  readonly #apps: AppPool
  readonly #tcp: TcpDialer
  readonly #http2: LinkPool
  readonly #http2Targets = new Map<number, LinkTarget>()
  readonly #shares = new CallerShares()
  readonly #appHost: string

  /** @param http2 connections to applications that speak HTTP/2 */
  constructor(deps: LaneDeps, apps: AppPool, http2: LinkPool, appHost: string) {
    this.#deps = deps
    this.#apps = apps
    this.#http2 = http2
    this.#tcp = new TcpDialer(deps.wheel)
    this.#appHost = appHost
  }

  /** Connections to applications, for gauges. */
  get connectionCount(): number {
    return this.#apps.openCount + this.#http2.counts.links + this.#tcp.openCount
  }

  /** What an application's port was said to speak; undefined for a port that is not served. */
  protocolOf(appPort: number): Protocol | undefined {
    return this.#deps.snapshots.current.workload?.serves.find((served) => served.appPort === appPort)?.protocol
  }

  /** How a caller of gRPC-Web is to be translated, which a port of gRPC does not speak; undefined for everything else. */
  webFormOf(head: RequestHead, caller: Caller): GrpcWebForm | undefined {
    const form = grpcWebForm(head)
    if (form === undefined) return undefined
    return this.protocolOf(addressedPort(head, caller) ?? 0) === 'grpc' ? form : undefined
  }

  /** Notes who calls, before the exchange begins. */
  identify(exchange: Exchange, caller: Caller): void {
    const { head, notes, stream } = exchange
    const { identity, address, clientCertField } = caller
    notes.peerIdentity = identity ?? ''
    notes.facts = {
      direction: 'inbound',
      service: undefined,
      port: addressedPort(head, caller),
      method: head.method,
      authority: head.authority,
      path: head.path,
      fields: head.fields,
      caller: identity,
      callerAddress: address,
      wire: identity === undefined ? stream.protocol : wireOf(head),
      priorAttempts: 0,
    }
    if (clientCertField !== undefined) exchange.attemptFields = ['x-forwarded-client-cert', clientCertField]
  }

  decide(exchange: Exchange): Decision {
    const { notes } = exchange
    const decision = decideFirst(this.#deps, exchange)
    this.#startSpan(exchange)
    if (decision.kind === 'deliver') {
      notes.policy = decision.policy
      notes.appPort = decision.appPort
      notes.appProtocol = decision.protocol
      notes.isUndeclared = decision.isUndeclared
      if (decision.protocol !== 'tcp') this.#prepareHead(exchange)
    }
    return decision
  }

  /** An application may close a connection as we write on it: one more try where that can do no harm. */
  afterAttempt(exchange: Exchange, outcome: AttemptOutcome): Decision {
    const { notes, attempts } = exchange
    if (outcome.kind === 'status') return { kind: 'relay' }
    const { code } = outcome.error
    const isSafe =
      code === 'refused' ||
      (code === 'reset' && notes.facts !== undefined && isIdempotent(notes.facts, { idempotent: false }))
    if (isSafe && exchange.canReplay && attempts === 1)
      return {
        kind: 'deliver',
        appPort: notes.appPort,
        protocol: notes.appProtocol,
        isUndeclared: notes.isUndeclared,
        policy: notes.policy,
      }
    return { kind: 'refuse', error: outcome.error }
  }

  open(exchange: Exchange): void {
    const { appPort, appProtocol, isUndeclared } = exchange.notes
    if (appProtocol === 'tcp')
      this.#tcp.open(this.#appHost, appPort, exchange, {
        timeoutMs: APP_LIMITS.connectTimeoutMs,
        caller: shareOf(exchange),
        isScreened: isUndeclared,
      })
    else if (!exchange.mayBegin()) return
    else if (appProtocol === 'http') this.#apps.send(this.#appHost, appPort, exchange, APP_LIMITS, shareOf(exchange))
    else this.#openHttp2(exchange, appPort)
  }

  abandon(exchange: Exchange): void {
    const { appPort, appProtocol } = exchange.notes
    if (appProtocol === 'tcp') this.#tcp.abandon(exchange)
    else if (appProtocol === 'http') this.#apps.abandon(this.#appHost, appPort, exchange)
    else this.#http2.abandon(this.#http2Target(appPort), exchange)
  }

  /** An application does not speak for the mesh: with `x-outrigger-error` it would decide over the caller's retries. */
  editResponse(exchange: Exchange, head: ResponseHead): ResponseHead {
    const fields = stripMeshFields(head.fields)
    const given = fields === head.fields ? head : { ...head, fields }
    if (!declinesUpgrade(exchange.head, head)) return given
    return isOverLink(exchange) ? declinedOnLink(given) : declinedToCaller(given, exchange.stream.protocol)
  }

  refusal(exchange: Exchange, error: MeshError): LocalResponse {
    const { fields } = exchange.head
    return isOverLink(exchange) ? linkResponse(error, fields) : localResponse(error, fields)
  }

  onResponseBody(): void {
    // As below.
  }

  onAttemptEnd(): void {
    // The application is one endpoint: there is nobody to prefer to it.
  }

  onEnd(exchange: Exchange, end: ExchangeEnd): void {
    const { span, share } = exchange.notes
    if (share !== undefined) {
      share.inUse--
      this.#shares.forget(shareOf(exchange))
    }
    addStepEvents(exchange)
    const error = end.error
    span?.end({
      status: end.status,
      error: error?.code,
      flag: flagOf(error),
      grpcStatus: exchange.grpcStatus,
      policy: error?.policy ?? exchange.notes.policy,
    })
    keepDecision(this.#deps, exchange, end.status)
    this.#deps.onRecord(toRecord('inbound', exchange, end, this.#deps.clock))
  }

  /** Notes what its wire refused before it was an exchange. */
  onRefused(refusal: WireRefusal, identity: string | undefined): void {
    this.#deps.onRecord(toRefusalRecord('inbound', refusal, { peerIdentity: identity ?? '' }, this.#deps.clock))
  }

  /** HTTP/2 with prior knowledge. The application allows so many streams; one caller must not have all of them. */
  #openHttp2(exchange: Exchange, appPort: number): void {
    if (exchange.head.upgrade !== undefined)
      return exchange.onResponseError(
        meshError('not-implemented', `port ${appPort} speaks HTTP/2, and takes no upgrades`),
      )
    if (exchange.notes.share === undefined) {
      const share = this.#shares.of(shareOf(exchange))
      if (share.inUse >= largestShare(share, this.#appStreamCount(appPort)))
        return exchange.onResponseError(
          meshError('circuit-open', `the caller has ${share.inUse} requests in flight to port ${appPort}`),
        )
      share.inUse++
      exchange.notes.share = share
    }
    this.#http2.open(this.#http2Target(appPort), exchange, APP_LIMITS.connectTimeoutMs, APP_HTTP2_CONNECTION_COUNT)
  }

  /** Streams that all callers may have together: no more than the application allows, as far as it has said. */
  #appStreamCount(appPort: number): number {
    const limit = this.#http2.streamLimitOf(this.#http2Target(appPort)) ?? APP_STREAM_COUNT
    return Math.min(APP_STREAM_COUNT, limit * APP_HTTP2_CONNECTION_COUNT)
  }

  #http2Target(appPort: number): LinkTarget {
    let target = this.#http2Targets.get(appPort)
    if (target === undefined) {
      target = { id: appTargetId(appPort), address: this.#appHost, port: appPort }
      this.#http2Targets.set(appPort, target)
    }
    return target
  }

  #startSpan(exchange: Exchange): void {
    const { notes, head, stream } = exchange
    const workload = this.#deps.snapshots.current.workload
    const served = workload?.serves.find((one) => one.appPort === notes.facts?.port) ?? workload?.serves[0]
    notes.service = served?.service ?? ''
    if (notes.trace?.sampled !== true) return
    notes.span = this.#deps.tracing.startServerSpan(notes.trace, {
      method: head.method,
      scheme: head.scheme,
      authority: head.authority,
      path: head.path,
      service: notes.service,
      peerAddress: stream.peerAddress,
      peerIdentity: notes.peerIdentity,
      protocol: stream.protocol,
      isGrpc: isGrpc(head.fields),
    })
  }

  /** What the application gets: without the mesh's own fields, with the caller's proven identity and the next span. */
  #prepareHead(exchange: Exchange): void {
    const { head, notes } = exchange
    let fields: Fields = stripMeshFields(head.fields)
    if (notes.trace !== undefined)
      fields = forwardTraceContext(fields, notes.trace, notes.span?.spanId, this.#deps.random)
    const next = [...fields, ...exchange.attemptFields, HOPS_FIELD, String(hopsOf(head.fields) + 1)]
    const attempt = isOverLink(exchange) ? Number(findField(head.fields, ATTEMPT_FIELD) ?? 0) : 0
    if (attempt > 0) next.push(ATTEMPT_FIELD, String(attempt))
    exchange.attemptHead = { ...head, fields: next }
    exchange.attemptFields = []
  }
}

/** From a sidecar, whose word counts. */
const isOverLink = ({ notes }: Exchange): boolean => notes.facts?.caller !== undefined

/** Whose share of the application it takes. */
const shareOf = ({ notes }: Exchange): string => notes.facts?.caller ?? ANONYMOUS

/** The application's port. Only a sidecar's word counts: a caller without one could name any. */
function addressedPort(head: RequestHead, { identity, appPort }: Caller): number | undefined {
  const port = identity === undefined ? appPort : Number(findField(head.fields, PORT_FIELD))
  return port !== undefined && port > 0 ? port : undefined
}

/** On a link the caller's sidecar says it. */
const wireOf = ({ method, fields }: RequestHead): Wire =>
  method === 'CONNECT' ? 'tcp' : findField(fields, CALLER_WIRE) === 'h2' ? 'h2' : 'http/1.1'

const flagOf = (error: MeshError | undefined): string | undefined =>
  error === undefined ? undefined : MESH_ERRORS[error.code].flag
