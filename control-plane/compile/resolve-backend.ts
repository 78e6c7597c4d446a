import type { RouteBackend } from '../../sidecar/config/resources.ts'
import type { HTTPRouteRule } from '../policy/http-route.ts'
import type { HTTPRouteManifest } from '../policy/manifest.ts'
import type { World } from '../world/world.ts'

export type BackendRef = NonNullable<HTTPRouteRule['backendRefs']>[number]

/** The service that a backend reference means, `namespace/name`. */
export const backendName = (ref: BackendRef, route: HTTPRouteManifest): string =>
  `${ref.namespace ?? route.metadata.namespace}/${ref.name}`

/** Why a backend can't be served, or undefined when it can. The mesh needs no ReferenceGrant (GEP-1294). */
export function findBackendFault(world: World, ref: BackendRef, route: HTTPRouteManifest): string | undefined {
  const name = backendName(ref, route)
  const service = world.services.get(name)
  if (service === undefined) return `service ${name} does not exist`
  if (service.ports.some(({ port }) => port === ref.port)) return undefined
  return `service ${name} has no port ${ref.port}; it has ${service.ports.map(({ port }) => port).join(', ')}`
}

/** A backend as the sidecar is told, with the reason if it is invalid. */
export function resolveBackend(world: World, ref: BackendRef, route: HTTPRouteManifest): RouteBackend {
  const fault = findBackendFault(world, ref, route)
  const backend = { service: backendName(ref, route), port: ref.port, weight: ref.weight ?? 1 }
  return fault === undefined ? backend : { ...backend, invalid: `BackendNotFound: ${fault}` }
}
