import type { HTTPRouteManifest } from '../policy/manifest.ts'
import { type ParentRef, parentName } from '../policy/parent-name.ts'
import type { World } from '../world/world.ts'
import { portsOfParent } from './attach-routes.ts'
import { findBackendFault } from './resolve-backend.ts'

/** A condition of a status, as Kubernetes shapes it; who stores it adds `lastTransitionTime`. */
export interface Condition {
  readonly type: 'Accepted' | 'ResolvedRefs'
  readonly status: 'True' | 'False'
  /** The reasons of Gateway API v1. */
  readonly reason: 'Accepted' | 'NoMatchingParent' | 'ResolvedRefs' | 'BackendNotFound'
  readonly message: string
  /** Generation of the manifest that was looked at; 0 when nobody counts it. */
  readonly observedGeneration: number
}

/** How a route stands with one of its parents: an element of `status.parents`. */
export interface ParentStatus {
  readonly parentRef: ParentRef
  readonly controllerName: string
  readonly conditions: readonly Condition[]
}

/** Who writes our elements of `status.parents`. */
export const CONTROLLER_NAME = 'outrigger.dev/mesh'

/** How a route stands with each of its parents (Gateway API, RouteStatus). */
export function routeStatus(world: World, route: HTTPRouteManifest): readonly ParentStatus[] {
  const observedGeneration = route.metadata.generation ?? 0
  const backendFaults = (route.spec.rules ?? []).flatMap((rule) =>
    (rule.backendRefs ?? []).flatMap((ref) => findBackendFault(world, ref, route) ?? []),
  )
  const resolvedRefs: Condition =
    backendFaults.length === 0
      ? condition('ResolvedRefs', 'ResolvedRefs', 'All backends exist', observedGeneration)
      : condition('ResolvedRefs', 'BackendNotFound', [...new Set(backendFaults)].join('; '), observedGeneration)
  return route.spec.parentRefs.map((parentRef) => {
    const fault = findParentFault(world, parentRef, route)
    const accepted =
      fault === undefined
        ? condition('Accepted', 'Accepted', 'The route is in force', observedGeneration)
        : condition('Accepted', 'NoMatchingParent', fault, observedGeneration)
    return { parentRef, controllerName: CONTROLLER_NAME, conditions: [accepted, resolvedRefs] }
  })
}

/** Why a route is not attached to a parent that it names, or undefined when it is. */
export function findParentFault(world: World, ref: ParentRef, route: HTTPRouteManifest): string | undefined {
  const name = parentName(ref, route)
  const service = world.services.get(name)
  if (service === undefined) return `service ${name} does not exist`
  if (portsOfParent(ref, service).length > 0) return undefined
  const wanted = [ref.port, ref.sectionName].filter((part) => part !== undefined).join(' named ')
  const known = service.ports.map((port) => (port.name === undefined ? port.port : `${port.port} (${port.name})`))
  return `service ${name} has no port ${wanted}; it has ${known.join(', ')}`
}

const condition = (
  type: Condition['type'],
  reason: Condition['reason'],
  message: string,
  observedGeneration: number,
): Condition => ({ type, status: reason === type ? 'True' : 'False', reason, message, observedGeneration })
