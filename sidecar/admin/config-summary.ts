import type { Endpoint } from '../config/resources.ts'
import type { Snapshot } from '../config/snapshot.ts'

/** What is shown of the balancer's view: a part of `LoadView`. */
export interface ShownLoad {
  cost(endpoint: Endpoint): number
  inFlight(endpoint: Endpoint): number
  isEjected(endpoint: Endpoint): boolean
  serviceInFlight(service: string): number
}

/** The snapshot as the admin port shows it: all names and versions, routes by their manifests. */
export function toConfigSummary(snapshot: Snapshot): object {
  return {
    generation: snapshot.generation,
    workload: snapshot.workload,
    telemetry: snapshot.telemetry,
    trust:
      snapshot.trust === undefined
        ? undefined
        : { name: snapshot.trust.name, sequence: snapshot.trust.sequence, roots: snapshot.trust.rootsPem.length },
    authorization: snapshot.authorization,
    versions: Object.fromEntries(snapshot.versions),
    services: [...snapshot.services.values()].map((service) => ({
      name: service.name,
      hostnames: service.hostnames,
      ports: service.ports,
      traffic: service.traffic,
      endpoints: snapshot.endpoints.get(service.name)?.endpoints.length ?? 0,
      routes: service.routes.map(({ origin, rule, backends }) => ({
        origin: `${origin.kind} ${origin.namespace}/${origin.name}`,
        rule,
        backends: backends.map(({ service: name, port, weight }) => ({ service: name, port, weight })),
      })),
    })),
  }
}

/** All endpoints with what the balancer knows of them now. */
export function toEndpointSummary(snapshot: Snapshot, load: ShownLoad): object {
  const describe = (endpoint: Endpoint): object => ({
    id: endpoint.id,
    address: `${endpoint.address}:${endpoint.port}`,
    transport: endpoint.transport,
    identity: endpoint.identity,
    weight: endpoint.weight,
    cost: load.cost(endpoint),
    inFlight: load.inFlight(endpoint),
    isEjected: load.isEjected(endpoint),
  })
  return {
    generation: snapshot.generation,
    services: [...snapshot.endpoints.values()].map(({ name, endpoints }) => ({
      name,
      inFlight: load.serviceInFlight(name),
      endpoints: endpoints.map(describe),
    })),
  }
}
