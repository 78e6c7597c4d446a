import type { Resource, ResourceKind } from '../../sidecar/config/resources.ts'
import type { WorkloadRef } from '../world/workload-ref.ts'
import type { Workload, World } from '../world/world.ts'
import { compileAuthorization } from './compile-authorization.ts'
import { compileEndpoints } from './compile-endpoints.ts'
import { compileService } from './compile-service.ts'
import { compileTelemetry } from './compile-telemetry.ts'
import { compileTrust } from './compile-trust.ts'
import { compileWorkloadResource } from './compile-workload-resource.ts'
import { versionOf } from './version-of.ts'

/** A compiled resource and its version, a hash of its content. */
export interface CompiledResource {
  readonly version: string
  readonly resource: Resource
}

/** Everything that any sidecar can be told of one world. */
export interface CompiledView {
  readonly generation: number
  readonly trustDomain: string
  /** The resource as `workload` is to see it; undefined when it does not exist. */
  find(workload: WorkloadRef, kind: ResourceKind, name: string): CompiledResource | undefined
}

/**
 * The compiled form of a world. A resource is compiled when it is first asked for, and once for all who are to see the
 * same: a service once for each namespace of callers. `connected`: workloads that are connected here, by the key of their
 * `WorkloadRef`; they know more of themselves than the registry does, and one that serves nothing is known only so.
 */
export function compileView(world: World, connected: ReadonlyMap<string, Workload> = new Map()): CompiledView {
  const made = new Map<string, CompiledResource>()
  const once = (key: string, compile: () => Resource | undefined): CompiledResource | undefined => {
    const known = made.get(key)
    if (known !== undefined) return known
    const resource = compile()
    // Absence is not kept: the names that sidecars ask for have no end.
    if (resource === undefined) return undefined
    const compiled = { version: versionOf(resource), resource }
    made.set(key, compiled)
    return compiled
  }
  return {
    generation: world.generation,
    trustDomain: world.trust.trustDomain,
    find({ key, name }, kind, resourceName) {
      const namespace = name.slice(0, name.indexOf('/'))
      const workload = connected.get(key) ?? world.workloads.get(key)
      switch (kind) {
        case 'Service':
          return once(`Service ${namespace} ${resourceName}`, () => compileService(world, resourceName, namespace))
        case 'Endpoints':
          return once(`Endpoints ${resourceName}`, () => compileEndpoints(world, resourceName))
        case 'Workload':
          if (resourceName !== name || workload === undefined) return undefined
          return once(`Workload ${key}`, () => compileWorkloadResource(world, workload))
        case 'Authorization':
          if (resourceName !== name || workload === undefined) return undefined
          return once(`Authorization ${key}`, () => compileAuthorization(world, workload))
        case 'Trust':
          return resourceName === world.trust.trustDomain ? once('Trust', () => compileTrust(world)) : undefined
        case 'Telemetry':
          return resourceName === 'mesh' ? once('Telemetry', () => compileTelemetry(world)) : undefined
      }
    },
  }
}

/** What a workload is told without asking: itself, who may call it, whom to trust, what to report. */
export const compileWorkload = (world: World, workload: Workload): readonly Resource[] => [
  compileWorkloadResource(world, workload),
  compileAuthorization(world, workload),
  compileTrust(world),
  compileTelemetry(world),
]
