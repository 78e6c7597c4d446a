import type { HTTPRouteManifest } from '../policy/manifest.ts'
import { type ParentRef, parentName } from '../policy/parent-name.ts'
import type { World, WorldService } from '../world/world.ts'

/** A route that concerns a service. */
export interface Attachment {
  readonly route: HTTPRouteManifest
  /** Ports of the service that it is attached to, in order. */
  readonly ports: readonly number[]
}

/** Ports of the service that a parent reference means; empty when it names one that the service does not have. */
export function portsOfParent(ref: ParentRef, service: WorldService): readonly number[] {
  return service.ports
    .filter(({ port, name }) => (ref.port ?? port) === port && (ref.sectionName ?? name) === name)
    .map(({ port }) => port)
}

/**
 * The routes that decide for one caller of a service, by port. Source: GEP-1294 (GAMMA). Routes in the service's own
 * namespace are for all callers (producer); those in the caller's namespace are for callers there (consumer), and where
 * one is attached to a port, the producer's are not asked for that port. A port without any has no attachment here. Within a class the
 * oldest route comes first.
 */
export function attachRoutes(world: World, service: WorldService, callerNamespace: string): readonly Attachment[] {
  const producer: Attachment[] = []
  const consumer: Attachment[] = []
  for (const route of world.routesByParent.get(service.qualifiedName) ?? []) {
    const { namespace } = route.metadata
    const isProducer = namespace === service.namespace
    if (!isProducer && namespace !== callerNamespace) continue
    const ports = new Set<number>()
    for (const ref of route.spec.parentRefs) {
      if (parentName(ref, route) !== service.qualifiedName) continue
      for (const port of portsOfParent(ref, service)) ports.add(port)
    }
    if (ports.size === 0) continue
    const attachment = { route, ports: [...ports].sort((a, b) => a - b) }
    if (isProducer) producer.push(attachment)
    else consumer.push(attachment)
  }
  const taken = new Set(consumer.flatMap(({ ports }) => ports))
  const left = producer
    .map(({ route, ports }) => ({ route, ports: ports.filter((port) => !taken.has(port)) }))
    .filter(({ ports }) => ports.length > 0)
  return [...consumer, ...left]
}
