import type { Endpoint } from '../../sidecar/config/resources.ts'
import type { Snapshot } from '../../sidecar/config/snapshot.ts'
import { SnapshotStore } from '../../sidecar/config/snapshot-store.ts'
import { decide } from '../../sidecar/decide/decide.ts'
import type { Decision, ForwardEdits, LoadView, RequestFacts, World } from '../../sidecar/decide/decision.ts'
import { StepRecorder, type TraceStep } from '../../sidecar/decide/trace-step.ts'
import { editFields } from '../../sidecar/http/edit-fields.ts'
import type { DescribedRequest } from './described-request.ts'

/** What the control plane pushed to one workload. */
export interface PushedResources {
  readonly workload: string
  /** SPIFFE ID. */
  readonly identity?: string
  readonly resources: readonly { readonly version: string; readonly resource: unknown }[]
}

/** Everything that decides a call: `POST /v1/explain`. */
export interface ExplainMaterial {
  readonly generation: number
  readonly caller: PushedResources
  readonly callees: readonly PushedResources[]
}

/** One half of a request's way, decided by the engine that serves. */
export interface DecidedHalf {
  /** `namespace/name` of the workload whose sidecar decides. */
  readonly workload: string
  readonly decision: Decision
  readonly steps: readonly TraceStep[]
}

/** The whole way of a request: out of the caller, and where that went somewhere, into the callee. */
export interface Explanation {
  readonly request: DescribedRequest
  readonly outbound: DecidedHalf
  readonly inbound: DecidedHalf | undefined
}

/** Nothing is known of load here: no latency, nothing in flight, nobody ejected. A sidecar's admin port knows. */
const UNKNOWN_LOAD: LoadView = {
  cost: () => 0,
  inFlight: () => 0,
  isEjected: () => false,
  hasEjections: () => false,
  serviceInFlight: () => 0,
  mayRetry: () => true,
  turn: () => 0,
}

/**
 * Decides a described request with the same `decide()` and the same resources that the sidecars serve with. `random`
 * is the roll of the dice for weights and balancing; 0 picks the first backend that has a weight.
 */
export function explainRequest(
  request: DescribedRequest,
  material: ExplainMaterial,
  random: () => number,
): Explanation {
  const caller = snapshotOf(material.caller)
  const facts: RequestFacts = {
    direction: 'outbound',
    service: undefined,
    port: request.port,
    method: request.method,
    authority: request.authority,
    path: request.path,
    fields: request.fields,
    caller: caller.workload?.identity,
    callerAddress: '127.0.0.1',
    wire: 'http/1.1',
    priorAttempts: 0,
  }
  const asked = decideHalf(material.caller.workload, facts, caller, random)
  if (!leadsToTcp(asked.decision, caller)) return explainFrom(request, facts, asked, material, random)
  // What is carried as it is, is decided as a connection: whatever request was described, nobody would read it.
  const connection: RequestFacts = { ...facts, method: 'CONNECT', path: facts.authority, fields: [], wire: 'tcp' }
  const decided = decideHalf(material.caller.workload, connection, caller, random)
  return explainFrom({ ...request, method: 'TCP', path: '', fields: [] }, connection, decided, material, random)
}

function leadsToTcp(decision: Decision, { services }: Snapshot): boolean {
  if (decision.kind !== 'forward') return false
  const { service, port } = decision.plan
  return services.get(service)?.ports.some((one) => one.port === port && one.protocol === 'tcp') ?? false
}

function explainFrom(
  request: DescribedRequest,
  facts: RequestFacts,
  outbound: DecidedHalf,
  material: ExplainMaterial,
  random: () => number,
): Explanation {
  if (outbound.decision.kind !== 'forward') return { request, outbound, inbound: undefined }
  const { endpoint, edits } = outbound.decision
  const callee = material.callees.find(
    ({ workload, identity }) => workload === endpoint.workload && identity === endpoint.identity,
  )
  if (callee === undefined || endpoint.transport !== 'mesh') return { request, outbound, inbound: undefined }
  const arriving = inboundFacts(facts, endpoint, edits)
  return { request, outbound, inbound: decideHalf(callee.workload, arriving, snapshotOf(callee), random) }
}

const inboundFacts = (facts: RequestFacts, endpoint: Endpoint, edits: ForwardEdits | undefined): RequestFacts => ({
  ...facts,
  wire: facts.method === 'CONNECT' ? 'tcp' : facts.wire,
  direction: 'inbound',
  port: endpoint.appPort,
  authority: edits?.authority ?? facts.authority,
  path: edits?.path ?? facts.path,
  fields: edits?.request === undefined ? facts.fields : editFields(facts.fields, edits.request),
})

function decideHalf(workload: string, facts: RequestFacts, snapshot: Snapshot, random: () => number): DecidedHalf {
  const recorder = new StepRecorder()
  const world: World = { snapshot, load: UNKNOWN_LOAD, nowMs: 0, random }
  return { workload, decision: decide(facts, world, recorder), steps: recorder.steps }
}

/** The snapshot that a sidecar makes of these resources: by the sidecar's own store, its own refusals included. */
function snapshotOf({ resources }: PushedResources): Snapshot {
  const store = new SnapshotStore()
  store.apply(resources.map(({ resource, version }) => ({ put: resource, version })))
  return store.current
}
