import type { EndpointsResource } from '../../sidecar/config/resources.ts'
import type { World } from '../world/world.ts'

/** The endpoints of a service (`namespace/name`), by id; undefined when there is no such service, empty when it has none. */
export function compileEndpoints(world: World, serviceName: string): EndpointsResource | undefined {
  const service = world.services.get(serviceName)
  if (service === undefined) return undefined
  return { kind: 'Endpoints', name: service.qualifiedName, endpoints: [...service.endpoints] }
}
