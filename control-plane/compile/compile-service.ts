import type { ServiceResource } from '../../sidecar/config/resources.ts'
import type { World, WorldService } from '../world/world.ts'
import { compileRoutes } from './compile-routes.ts'
import { compileTraffic } from './compile-traffic.ts'

/** A service (`namespace/name`) as callers in a namespace see it; undefined when there is none. */
export function compileService(
  world: World,
  serviceName: string,
  callerNamespace: string,
): ServiceResource | undefined {
  const service = world.services.get(serviceName)
  if (service === undefined) return undefined
  const traffic = compileTraffic(world, service)
  return {
    kind: 'Service',
    name: service.qualifiedName,
    hostnames: hostnamesOf(service, callerNamespace),
    virtualAddresses: [...service.virtualAddresses],
    ports: service.ports.map(({ port, name, protocol }) => ({
      port,
      ...(name === undefined ? {} : { name }),
      protocol,
    })),
    routes: compileRoutes(world, service, callerNamespace, traffic),
    traffic,
  }
}

/** As in the DNS of Kubernetes: the bare name means the service of the caller's own namespace. */
function hostnamesOf({ name, namespace }: WorldService, callerNamespace: string): string[] {
  const qualified = [`${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`]
  return namespace === callerNamespace ? [name, ...qualified] : qualified
}
