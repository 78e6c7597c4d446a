import { BALANCERS } from '../balancing/balancers.ts'
import type { Endpoint, TrafficSettings } from '../config/resources.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { World } from './decision.ts'
import type { Recorder } from './trace-step.ts'

/** What endpoints are picked for. */
export interface PickRequest {
  readonly service: string
  readonly traffic: TrafficSettings
  /** Ids to avoid as long as there are others. */
  readonly tried: readonly string[]
}

/** No endpoint was tried yet: shared. */
export const NONE_TRIED: readonly string[] = []

/** The endpoint that the next try goes to, or why there is none. Allocates nothing as long as no endpoint is out. */
export function pickEndpoint(request: PickRequest, world: World, recorder: Recorder): Endpoint | MeshError {
  const { service, traffic, tried } = request
  const all = world.snapshot.endpoints.get(service)?.endpoints
  if (all === undefined) return meshError('no-endpoints', `the endpoints of ${service} are not known (yet)`)
  if (all.length === 0) return meshError('no-endpoints', `${service} has no endpoint that is up`)
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
