import Type from 'typebox'
import type { Resource, TrustResource } from '../../sidecar/config/resources.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'
import type { PushHub } from '../push/push-hub.ts'
import type { ResourceView, VersionedResource } from '../push/resource-source.ts'
import type { WatchSession } from '../push/watch-session.ts'
import type { Availability } from '../push/world-source.ts'
import { type WorkloadRef, workloadRef } from '../world/workload-ref.ts'
import type { World } from '../world/world.ts'
import { type ApiReply, failure, reply } from './api-reply.ts'
import type { ApiRequest, ApiRoute } from './api-server.ts'
import { findWorkload } from './find-workload.ts'

export interface MeshRouteDeps {
  readonly hub: PushHub
  readonly world: () => World
  readonly view: () => ResourceView
  readonly registry: () => Availability & { readonly description: string; readonly settled: boolean }
  readonly trust: () => TrustResource
  /** What the authority complains of, if anything. */
  readonly authorityProblem: () => string | undefined
}

const ExplainRequest = Type.Object(
  {
    /** Who calls, `namespace/name` of the workload. */
    from: Type.String({ maxLength: 512 }),
    /** Its SPIFFE ID, where several identities use that name. */
    identity: Type.Optional(Type.String({ maxLength: 2048 })),
    /** Services whose resources are wanted, `namespace/name`; absent: all that the caller's namespace can name. */
    services: Type.Optional(Type.Array(Type.String({ maxLength: 512 }), { maxItems: 1_000 })),
  },
  { additionalProperties: false },
)
const explainParser = parserOf(ExplainRequest)

/** What the mesh is like now, and what its sidecars are told. Reading only. */
export function meshRoutes(deps: MeshRouteDeps): readonly ApiRoute[] {
  return [
    { method: 'GET', pattern: '/v1/status', answer: () => reply(statusOf(deps)) },
    { method: 'GET', pattern: '/v1/trust', answer: () => reply(deps.trust()) },
    {
      method: 'GET',
      pattern: '/v1/workloads/:namespace/:name/resources',
      answer: ({ params, query }) => {
        const { namespace = '', name = '' } = params
        return resourcesOf(deps, `${namespace}/${name}`, query.get('identity') ?? undefined)
      },
    },
    { method: 'POST', pattern: '/v1/explain', answer: (request) => explain(deps, request) },
  ]
}

function statusOf(deps: MeshRouteDeps): unknown {
  const world = deps.world()
  const problem = deps.authorityProblem()
  return {
    generation: world.generation,
    registry: deps.registry(),
    trust: { trustDomain: world.trust.trustDomain, sequence: world.trust.sequence, problem },
    manifests: world.manifests.size,
    services: [...world.services.values()].map(({ qualifiedName, ports, endpoints, isWatched, manifest }) => ({
      name: qualifiedName,
      ports,
      declared: manifest !== undefined,
      watched: isWatched,
      endpoints,
    })),
    skipped: world.skipped,
    workloads: workloadsOf(deps),
  }
}

/** Resources that the status lists, of all workloads together: each has its own page for the rest. */
const MAX_LISTED_RESOURCES = 50_000

function workloadsOf(deps: MeshRouteDeps): readonly unknown[] {
  let left = MAX_LISTED_RESOURCES
  return deps.hub.workloads.map((workload) => {
    const { ref, isReady, version, sinceMs, serves, session } = workload
    const { subscriptions } = session
    const listed = subscriptions.slice(0, left)
    left -= listed.length
    return {
      name: ref.name,
      identity: ref.identity,
      ready: isReady,
      version,
      connectedSinceMs: sinceMs,
      serves: serves.map(({ service, port }) => `${service}:${port}`),
      waiting: session.waitingCount,
      resourceCount: subscriptions.length,
      resources: withAcks(deps, ref, listed),
    }
  })
}

/** For each of these resources of a workload: what it was sent, what it serves with, what it refused. */
function withAcks({ hub, view }: MeshRouteDeps, workload: WorkloadRef, listed: WatchSession['subscriptions']): unknown {
  const acks = new Map(hub.acks.of(workload).map((ack) => [`${ack.kind}/${ack.name}`, ack]))
  return listed.map(({ kind, name, held }) => {
    const { acked, nack } = acks.get(`${kind}/${name}`) ?? {}
    const current = view().find(workload, kind, name)?.version
    return { kind, name, current, sent: held, acked, ...(nack === undefined ? {} : { nack }) }
  })
}

function resourcesOf({ hub, view, world }: MeshRouteDeps, name: string, identity: string | undefined): ApiReply {
  const found = findWorkload(hub, world(), name, identity)
  if (!found.ok) return found.error
  const workload = found.value
  const connected = hub.find(workload)
  const wanted = connected?.session.subscriptions ?? []
  const resources = wanted.flatMap((one) => view().find(workload, one.kind, one.name) ?? [])
  const own = connected === undefined ? ownResources(view(), workload) : []
  return reply({
    ...shown(workload),
    connected: connected !== undefined,
    resources: [...own, ...resources].map(toPlain),
  })
}

/** What decides a call: the services as the caller sees them, and for every workload behind them what it lets in. */
function explain(deps: MeshRouteDeps, request: ApiRequest): ApiReply {
  const parsed = explainParser.parse(parseJson(request.body))
  if (!parsed.ok)
    return failure(400, { what: parsed.error.map(toLine).join('; '), where: 'body', allowed: '{"from": "shop/web"}' })
  const world = deps.world()
  const view = deps.view()
  const caller = findWorkload(deps.hub, world, parsed.value.from, parsed.value.identity)
  if (!caller.ok) return caller.error
  const from = caller.value
  const names = parsed.value.services ?? [...world.services.keys()]
  const outbound = names.flatMap((name) => [view.find(from, 'Service', name), view.find(from, 'Endpoints', name)])
  const found = outbound.filter((resource) => resource !== undefined)
  const callees = new Map<string, WorkloadRef>()
  for (const { resource } of found) {
    if (resource.kind !== 'Endpoints') continue
    for (const { workload, identity } of resource.endpoints) {
      const ref = workloadRef(identity ?? '', workload)
      callees.set(ref.key, ref)
    }
  }
  const answerFor = (ref: WorkloadRef, more: readonly VersionedResource[] = []): unknown => ({
    ...shown(ref),
    resources: [...ownResources(view, ref), ...more].map(toPlain),
  })
  return reply({
    generation: view.generation,
    caller: answerFor(from, found),
    callees: [...callees.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((ref) => answerFor(ref)),
  })
}

/** Endpoints without a sidecar have no identity. */
const shown = ({ name, identity }: WorkloadRef): { readonly workload: string; readonly identity?: string } =>
  identity === '' ? { workload: name } : { workload: name, identity }

const ownResources = (view: ResourceView, workload: WorkloadRef): readonly VersionedResource[] =>
  [
    view.find(workload, 'Workload', workload.name),
    view.find(workload, 'Authorization', workload.name),
    view.find(workload, 'Trust', view.trustDomain),
    view.find(workload, 'Telemetry', 'mesh'),
  ].filter((found) => found !== undefined)

const toPlain = ({
  version,
  resource,
}: VersionedResource): { readonly version: string; readonly resource: Resource } => ({
  version,
  resource,
})

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
