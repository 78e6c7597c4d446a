import type { Endpoint, RouteRule, SpokenProtocol } from '../config/resources.ts'
import type { ForwardEdits, RequestFacts } from '../decide/decision.ts'
import type { StepRecorder } from '../decide/trace-step.ts'
import type { Share } from '../resilience/caller-shares.ts'
import type { LiveSpan } from '../telemetry/live-span.ts'
import type { TraceContext } from '../telemetry/trace-context.ts'

/** What a lane keeps with an exchange between its calls. One fixed shape, so that the engine keeps it fast. */
export interface ExchangeNotes {
  facts: RequestFacts | undefined
  trace: TraceContext | undefined
  /** Outbound: of the current try. Inbound: of the exchange. */
  span: LiveSpan | undefined
  /** The trace of the decisions, when somebody listens. */
  recorder: StepRecorder | undefined
  /** Outbound: of the current or last try. */
  endpoint: Endpoint | undefined
  route: RouteRule | undefined
  edits: ForwardEdits | undefined
  /** Service for records, `namespace/name`; '' while none is found. */
  service: string
  /** SPIFFE ID of the other side; '' without mutual TLS. */
  peerIdentity: string
  /** Manifest and rule that decided. */
  policy: string | undefined
  /** The service that counts the exchange as in flight. */
  countedService: string | undefined
  /** Inbound: where the application takes it, and what it speaks there. */
  appPort: number
  appProtocol: SpokenProtocol
  /** Inbound: a tunnel whose caller must not speak HTTP in it. */
  isUndeclared: boolean
  /** Inbound: what the exchange is counted in, of its caller. */
  share: Share | undefined
}

/** Empty notes. */
export const newNotes = (): ExchangeNotes => ({
  facts: undefined,
  trace: undefined,
  span: undefined,
  recorder: undefined,
  endpoint: undefined,
  route: undefined,
  edits: undefined,
  service: '',
  peerIdentity: '',
  policy: undefined,
  countedService: undefined,
  appPort: 0,
  appProtocol: 'http',
  isUndeclared: false,
  share: undefined,
})
