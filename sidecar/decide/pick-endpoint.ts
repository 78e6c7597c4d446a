import { BALANCERS } from '../balancing/balancers.ts'
import type { Endpoint, EndpointsResource, TrafficSettings } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { World } from './decision.ts'
import type { Recorder } from './trace-step.ts'

/** What endpoints are picked for. */
export interface PickRequest {
  readonly service: string
  readonly port: number
  readonly traffic: TrafficSettings
  /** Ids to avoid as long as there are others. */
  readonly tried: readonly string[]
}

/** No endpoint was tried yet: shared. */
export const NONE_TRIED: readonly string[] = []

/** The endpoint that the next try goes to, or why there is none. Allocates nothing as long as no endpoint is out. */
export function pickEndpoint(request: PickRequest, world: World, recorder: Recorder): Endpoint | MeshError {
  const { service, traffic, tried } = request
  const resource = world.snapshot.endpoints.get(service)
  if (resource === undefined) return meshError('no-endpoints', `the endpoints of ${service} are not known (yet)`)
  const all = servingPort(resource, request.port)
  if (all.length === 0) return meshError('no-endpoints', nobodyServes(resource, request.port))
  const balancer = BALANCERS[traffic.balancer]
  const isPlain = tried.length === 0 && !world.load.hasEjections()
  let candidates: readonly Endpoint[] = isPlain ? all : withoutEjected(all, request, world, recorder)
  if (tried.length > 0) candidates = withoutTried(candidates, tried, recorder)
  if (recorder.isOn) {
    for (const endpoint of candidates) {
      const cost = world.load.cost(endpoint)
      recorder.record({ step: 'endpoint-considered', endpoint: endpoint.id, address: toAddress(endpoint), cost })
    }
  }
  const picked = balancer.pick(candidates, service, world.load, world.random)
  if (picked === undefined) return meshError('no-endpoints', `${service} has no usable endpoint`)
  if (recorder.isOn) {
    const { id } = picked
    recorder.record({ step: 'endpoint-picked', endpoint: id, address: toAddress(picked), balancer: balancer.name })
  }
  return picked
}

const byPort = new WeakMap<EndpointsResource, Map<number, readonly Endpoint[]>>()

/** Endpoints of one of the service's ports; an endpoint that names none serves all. Remembered with the resource, which never changes. */
function servingPort(resource: EndpointsResource, port: number): readonly Endpoint[] {
  let ports = byPort.get(resource)
  if (ports === undefined) {
    ports = new Map()
    byPort.set(resource, ports)
  }
  let serving = ports.get(port)
  if (serving === undefined) {
    const { endpoints } = resource
    const isServing = ({ servicePort }: Endpoint): boolean => servicePort === undefined || servicePort === port
    serving = endpoints.every(isServing) ? endpoints : endpoints.filter(isServing)
    ports.set(port, serving)
  }
  return serving
}

const nobodyServes = ({ name, endpoints }: EndpointsResource, port: number): string =>
  endpoints.length === 0 ? `${name} has no endpoint that is up` : `${name} has no endpoint that serves port ${port}`

/** Those that are not ejected; all of them when too many are, for then the fault is hardly the endpoints' own (panic). */
function withoutEjected(
  all: readonly Endpoint[],
  { service, traffic }: PickRequest,
  { load }: World,
  recorder: Recorder,
): readonly Endpoint[] {
  const usable = all.filter((endpoint) => !load.isEjected(endpoint))
  const ejected = all.length - usable.length
  if (ejected === 0) return all
  if (usable.length === 0 || ejected > traffic.outlier.maxEjectedRatio * all.length) {
    if (recorder.isOn) recorder.record({ step: 'panic', service, ejected, of: all.length })
    return all
  }
  if (recorder.isOn) {
    for (const endpoint of all) {
      if (usable.includes(endpoint)) continue
      recorder.record({
        step: 'endpoint-rejected',
        endpoint: endpoint.id,
        because: 'it is ejected: it failed too often',
      })
    }
  }
  return usable
}

function withoutTried(usable: readonly Endpoint[], tried: readonly string[], recorder: Recorder): readonly Endpoint[] {
  const fresh = usable.filter((endpoint) => !tried.includes(endpoint.id))
  if (fresh.length === 0) return usable
  if (recorder.isOn) {
    for (const endpoint of usable) {
      if (fresh.includes(endpoint)) continue
      recorder.record({ step: 'endpoint-rejected', endpoint: endpoint.id, because: 'it was tried already' })
    }
  }
  return fresh
}

const toAddress = ({ address, port }: Endpoint): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
