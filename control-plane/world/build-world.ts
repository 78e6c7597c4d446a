import type { Endpoint } from '../../sidecar/config/resources.ts'
import {
  byAge,
  type HTTPRouteManifest,
  type Manifest,
  manifestKey,
  refOf,
  type ServiceManifest,
  type TrafficPolicyManifest,
} from '../policy/manifest.ts'
import { parentName } from '../policy/parent-name.ts'
import type { Instance } from '../registry/registry.ts'
import { whyNotServe } from './may-serve.ts'
import { namesInRegistry, readInstances } from './read-instances.ts'
import { toProtocol } from './to-protocol.ts'
import type { TelemetryDefaults, World, WorldPort, WorldService, WorldTrust } from './world.ts'

/** All sources of a world. */
export interface WorldSources {
  readonly generation: number
  /** In any order. Of two with one key the later holds. */
  readonly manifests: readonly Manifest[]
  /** Healthy instances of all services, whoever registered them, in any order. */
  readonly instances: readonly Instance[]
  readonly trust: WorldTrust
  readonly telemetryDefaults?: TelemetryDefaults
  /** Names of services in the registry whose instances are not known, because there are too many. */
  readonly unwatched?: ReadonlySet<string>
}

const TELEMETRY_DEFAULTS: TelemetryDefaults = { samplingRatio: 0.01, otlpEndpoint: undefined, accessLog: 'errors' }

const NOT_WATCHED = 'the registry has more services than can be watched: its instances are not known'

/** Joins all sources into one view. Pure; the same sources in another order make the same view. */
export function buildWorld(sources: WorldSources): World {
  const manifests = new Map(sources.manifests.map((manifest) => [manifestKey(refOf(manifest)), manifest]))
  const judged = { trust: sources.trust, manifests }
  const { endpoints, workloads, skipped } = readInstances(sources.instances, (identity, service) =>
    whyNotServe(judged, identity, service),
  )
  const unwatched = sources.unwatched ?? new Set<string>()
  const isWatched = (name: string): boolean => !namesInRegistry(name).some((one) => unwatched.has(one))
  const sorted = [...manifests.values()].sort(byAge)
  const declared = new Map(
    ofKind(sorted, 'Service').map((manifest) => [`${manifest.metadata.namespace}/${manifest.metadata.name}`, manifest]),
  )
  const httpRoutes = ofKind(sorted, 'HTTPRoute')
  const trafficPolicies = ofKind(sorted, 'TrafficPolicy')
  const names = [...new Set([...declared.keys(), ...endpoints.keys()])].sort()
  return {
    generation: sources.generation,
    trust: sources.trust,
    telemetryDefaults: sources.telemetryDefaults ?? TELEMETRY_DEFAULTS,
    services: new Map(
      names.map((name) => [name, toService(name, declared.get(name), endpoints.get(name) ?? [], isWatched(name))]),
    ),
    workloads,
    manifests,
    httpRoutes,
    routesByParent: byParent(httpRoutes),
    authorizationPolicies: ofKind(sorted, 'AuthorizationPolicy'),
    peerAuthentications: ofKind(sorted, 'PeerAuthentication'),
    trafficPolicies,
    trafficPolicyByTarget: byTarget(trafficPolicies),
    meshConfig: ofKind(sorted, 'MeshConfig')[0],
    skipped: [...skipped, ...[...unwatched].sort().map((id) => ({ id, because: NOT_WATCHED }))],
  }
}

const ofKind = <K extends Manifest['kind']>(manifests: readonly Manifest[], kind: K) =>
  manifests.filter((manifest): manifest is Extract<Manifest, { kind: K }> => manifest.kind === kind)

function byParent(routes: readonly HTTPRouteManifest[]): ReadonlyMap<string, readonly HTTPRouteManifest[]> {
  const found = new Map<string, HTTPRouteManifest[]>()
  for (const route of routes) {
    for (const parent of new Set(route.spec.parentRefs.map((ref) => parentName(ref, route)))) {
      const known = found.get(parent)
      if (known === undefined) found.set(parent, [route])
      else known.push(route)
    }
  }
  return found
}

function byTarget(policies: readonly TrafficPolicyManifest[]): ReadonlyMap<string, TrafficPolicyManifest> {
  const found = new Map<string, TrafficPolicyManifest>()
  for (const policy of policies) {
    for (const { kind, name } of policy.spec.targetRefs) {
      const key = manifestKey({ kind, namespace: policy.metadata.namespace, name })
      if (!found.has(key)) found.set(key, policy)
    }
  }
  return found
}

function toService(
  qualifiedName: string,
  manifest: ServiceManifest | undefined,
  endpoints: readonly Endpoint[],
  isWatched: boolean,
): WorldService {
  const slash = qualifiedName.indexOf('/')
  const clusterIP = manifest?.spec.clusterIP
  return {
    qualifiedName,
    namespace: qualifiedName.slice(0, slash),
    name: qualifiedName.slice(slash + 1),
    ports: manifest === undefined ? portsOf(endpoints) : declaredPorts(manifest),
    virtualAddresses: clusterIP === undefined ? [] : [clusterIP],
    endpoints,
    isWatched,
    manifest,
  }
}

const declaredPorts = (manifest: ServiceManifest): readonly WorldPort[] =>
  manifest.spec.ports
    .map((port) => ({ port: port.port, name: port.name, protocol: toProtocol(port) }))
    .sort((a, b) => a.port - b.port)

/**
 * Without a manifest the ports are those that instances say they serve; of two that disagree on the protocol the first by
 * id holds. Instances of others say none: then the service has one port, the lowest that an instance listens on.
 */
function portsOf(endpoints: readonly Endpoint[]): readonly WorldPort[] {
  const ports = new Map<number, WorldPort>()
  for (const { servicePort, protocol } of endpoints) {
    if (servicePort !== undefined && !ports.has(servicePort)) {
      ports.set(servicePort, { port: servicePort, name: undefined, protocol })
    }
  }
  if (ports.size > 0) return [...ports.values()].sort((a, b) => a.port - b.port)
  return [{ port: Math.min(...endpoints.map(({ port }) => port)), name: undefined, protocol: 'auto' }]
}
