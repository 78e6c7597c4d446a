import type {
  Endpoint,
  HeadEdits,
  RetrySettings,
  RouteRule,
  SpokenProtocol,
  TrafficSettings,
} from '../config/resources.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import type { Random } from '../core/random.ts'
import type { GrpcStatus } from '../http/grpc-status.ts'
import type { Fields } from '../http/head.ts'
import type { Wire } from '../http/streams.ts'

/** What is known of a request when it is decided. Plain values, so that a described request decides as a real one. */
export interface RequestFacts {
  /** `outbound`: leaving our application; `inbound`: arriving for it. */
  readonly direction: 'outbound' | 'inbound'
  /** Outbound: the explicit listener's service (`namespace/name`), when it came through one. */
  readonly service: string | undefined
  /** Outbound: the service's port, when known; inbound: the application's port that is addressed, when the link said so. */
  readonly port: number | undefined
  readonly method: string
  /** In the form of `canonicalAuthority`. */
  readonly authority: string
  /** Path and query, in the form of `canonicalPath`; any other is refused, for policy could read it otherwise than the callee. */
  readonly path: string
  readonly fields: Fields
  /** SPIFFE ID of the caller: the peer's proven one inbound, our own outbound; undefined without mutual TLS. */
  readonly caller: string | undefined
  /** IP address of the caller. */
  readonly callerAddress: string
  /** What the caller itself speaks, whatever its sidecar makes of it. */
  readonly wire: Wire
  /** Try number that an earlier sidecar carries already (`x-mesh-attempt`): with one, only what was provably not processed is retried here too. */
  readonly priorAttempts: number
}

/** Read-only view of what changes by itself. Owned and changed by `balancing/` and `resilience/`. */
export interface LoadView {
  /** Expected cost of one more exchange at the endpoint (peak EWMA of latency times exchanges in flight, say); lower is better. */
  cost(endpoint: Endpoint): number
  inFlight(endpoint: Endpoint): number
  /** The outlier detector has taken the endpoint out, and its time is not over. */
  isEjected(endpoint: Endpoint): boolean
  /** Whether any endpoint of any service may be ejected: false spares asking for each. */
  hasEjections(): boolean
  /** Exchanges in flight for a service, against its circuit breaker. */
  serviceInFlight(service: string): number
  /** Whether the service's retry budget allows one more repeat now. */
  mayRetry(service: string, traffic: TrafficSettings): boolean
  /** A number that grows by one with each pick of the service: round robin's memory. */
  turn(service: string): number
}

/** Everything a decision may know. An argument; nothing is looked up, waited for or changed. */
export interface World {
  readonly snapshot: Snapshot
  readonly load: LoadView
  readonly nowMs: number
  readonly random: Random
}

/** What the first decision fixed, and what further tries go by. Immutable: a further try makes a new one. */
export interface AttemptPlan {
  readonly facts: RequestFacts
  /** Service whose endpoint was picked (the backend's, not the addressed one's). */
  readonly service: string
  /** Port of that service. */
  readonly port: number
  /** The matched rule; undefined inbound. */
  readonly route: RouteRule | undefined
  /** The backend service's settings, by which its endpoints are balanced, ejected and limited. */
  readonly traffic: TrafficSettings
  /** The rule's, else the addressed service's. */
  readonly retry: RetrySettings
  /** 1 for the first try. */
  readonly attempt: number
  /** Ids of the endpoints picked so far, that of this try included. */
  readonly tried: readonly string[]
  /** Bounds, ms; 0: none. From the start of the exchange to its end. */
  readonly requestTimeoutMs: number
  /** From the end of the request to the head of its response, all tries together. */
  readonly responseTimeoutMs: number
  /** From the start of a try to the head of its response. */
  readonly perTryTimeoutMs: number
  /** Whether the request may be executed twice: by method (RFC 9110 §9.2.2), `idempotency-key`, or the route's word. */
  readonly isIdempotent: boolean
  /** The same for every try. */
  readonly edits: ForwardEdits | undefined
}

/** Changes to the head that go to the callee, beyond fields: authority and path after rewriting. */
export interface ForwardEdits {
  readonly authority: string | undefined
  readonly path: string | undefined
  readonly request: HeadEdits | undefined
  readonly response: HeadEdits | undefined
}

/** A response that the mesh gives by itself, on purpose: a redirect, a fault. */
export interface DirectAnswer {
  readonly status: number
  readonly fields: Fields
  readonly body: string
}

export type Decision =
  | {
      readonly kind: 'forward'
      readonly endpoint: Endpoint
      readonly plan: AttemptPlan
      readonly edits: ForwardEdits | undefined
      /** Wait before the try, ms; 0 for the first. */
      readonly delayMs: number
      /** A repeat that the retry budget is not charged with. */
      readonly isFree?: boolean
    }
  /** Inbound only: allowed; hand it to the application at this port. */
  | {
      readonly kind: 'deliver'
      readonly appPort: number
      /** What the application is spoken to in. */
      readonly protocol: SpokenProtocol
      /** Nobody said what the port speaks: a tunnel to it carries no HTTP, of which no policy would see anything. */
      readonly isUndeclared: boolean
      readonly policy: string | undefined
    }
  | { readonly kind: 'answer'; readonly response: DirectAnswer }
  /** After a try that had an answer: no further one, the answer goes to the caller. */
  | { readonly kind: 'relay'; readonly retryRefused?: RetryRefusal | undefined }
  | { readonly kind: 'refuse'; readonly error: MeshError; readonly retryRefused?: RetryRefusal | undefined }

/**
 * Why a try that failed in a way worth another one got none: the allowance is used, the callee may have acted, an earlier
 * sidecar tries again already, the callee asks to wait longer, the body is not kept, the time or the budget is used up,
 * no endpoint is left.
 */
export type RetryRefusal =
  | 'attempts'
  | 'not-idempotent'
  | 'retried-earlier'
  | 'retry-after'
  | 'body'
  | 'deadline'
  | 'budget'
  | 'no-endpoint'

/** How one try ended, for `afterAttempt`. */
export type AttemptOutcome =
  | {
      readonly kind: 'status'
      readonly status: number
      /** What gRPC said, which fails with HTTP 200. */
      readonly grpcStatus?: GrpcStatus | undefined
      readonly fields: Fields
    }
  | { readonly kind: 'error'; readonly error: MeshError }

/** Facts about the exchange that only its carrier knows when a try has ended. */
export interface AttemptContext {
  /** The whole request can be sent again: it is complete in the replay buffer, or had no body. */
  readonly canReplay: boolean
  /** Time left until the request's deadline, ms; Infinity without one. */
  readonly remainingMs: number
  /** It came over a mesh link: an `x-outrigger-error` in an answer is the word of the callee's sidecar, not of an application. */
  readonly isOverMesh: boolean
}
