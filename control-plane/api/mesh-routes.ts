import Type from 'typebox'
import type { Resource, TrustResource } from '../../sidecar/config/resources.ts'
import { parserOf, toLine } from '../../sidecar/core/schema.ts'
import type { PushHub } from '../push/push-hub.ts'
import type { ResourceView, VersionedResource } from '../push/resource-source.ts'
import type { Availability } from '../push/world-source.ts'
import type { World } from '../world/world.ts'
import { type ApiReply, failure, reply } from './api-reply.ts'
import type { ApiRequest, ApiRoute } from './api-server.ts'

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
    /** Who calls, `namespace/name` of the workload or of the service account's workload. */
    from: Type.String({ maxLength: 512 }),
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
      answer: ({ params }) => resourcesOf(deps, `${params['namespace']}/${params['name']}`),
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
    services: [...world.services.values()].map(({ qualifiedName, ports, endpoints, manifest }) => ({
      name: qualifiedName,
      ports,
      declared: manifest !== undefined,
      endpoints,
    })),
    skipped: world.skipped,
    workloads: deps.hub.workloads.map(({ name, peer, serves, isReady, version, sinceMs, session }) => ({
      name,
      identity: peer.spiffeId,
      ready: isReady,
      version,
      connectedSinceMs: sinceMs,
      serves: serves.map(({ service, port }) => `${service}:${port}`),
      waiting: session.waitingCount,
      resources: withAcks(deps, name),
    })),
  }
}

/** For each resource of a workload: what it was sent, what it serves with, what it refused. */
function withAcks({ hub, view }: MeshRouteDeps, workload: string): unknown {
  const acks = new Map(hub.acks.of(workload).map((ack) => [`${ack.kind}/${ack.name}`, ack]))
  return (hub.find(workload)?.session.subscriptions ?? []).map(({ kind, name, held }) => {
    const { acked, nack } = acks.get(`${kind}/${name}`) ?? {}
    const current = view().find(workload, kind, name)?.version
    return { kind, name, current, sent: held, acked, ...(nack === undefined ? {} : { nack }) }
  })
}

function resourcesOf({ hub, view, world }: MeshRouteDeps, workload: string): ApiReply {
  const connected = hub.find(workload)
  if (connected === undefined && !world().workloads.has(workload)) return unknownWorkload(hub, world(), workload)
  const wanted = connected?.session.subscriptions ?? []
  const resources = wanted.flatMap(({ kind, name }) => view().find(workload, kind, name) ?? [])
  const own = connected === undefined ? ownResources(view(), workload) : []
  return reply({ workload, connected: connected !== undefined, resources: [...own, ...resources].map(toPlain) })
}

/** What decides a call: the services as the caller sees them, and for every workload behind them what it lets in. */
function explain(deps: MeshRouteDeps, request: ApiRequest): ApiReply {
  const parsed = explainParser.parse(parseJson(request.body))
  if (!parsed.ok)
    return failure(400, { what: parsed.error.map(toLine).join('; '), where: 'body', allowed: '{"from": "shop/web"}' })
  const { from, services } = parsed.value
  const world = deps.world()
  const view = deps.view()
  if (deps.hub.find(from) === undefined && !world.workloads.has(from)) return unknownWorkload(deps.hub, world, from)
  const names = services ?? [...world.services.keys()]
  const outbound = names.flatMap((name) => [view.find(from, 'Service', name), view.find(from, 'Endpoints', name)])
  const found = outbound.filter((resource) => resource !== undefined)
  const callees = new Set(
    found.flatMap(({ resource }) =>
      resource.kind === 'Endpoints' ? resource.endpoints.map(({ workload }) => workload) : [],
    ),
  )
  return reply({
    generation: view.generation,
    caller: { workload: from, resources: [...ownResources(view, from), ...found].map(toPlain) },
    callees: [...callees]
      .sort()
      .map((workload) => ({ workload, resources: ownResources(view, workload).map(toPlain) })),
  })
}

const ownResources = (view: ResourceView, workload: string): readonly VersionedResource[] =>
  [
    view.find(workload, 'Workload', workload),
    view.find(workload, 'Authorization', workload),
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

function unknownWorkload(hub: PushHub, world: World, workload: string): ApiReply {
  const known = [...new Set([...hub.workloads.map(({ name }) => name), ...world.workloads.keys()])].sort()
  const allowed = known.length === 0 ? 'no workload is connected yet' : known.join(', ')
  return failure(404, { what: `there is no workload ${workload}`, where: 'workload', allowed })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
