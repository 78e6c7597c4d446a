import { openRegistry } from '../../control-plane/registry/open-registry.ts'
import { systemClock } from '../../sidecar/core/clock.ts'
import { seededRandom } from '../../sidecar/core/random.ts'

/**
 * Resolves when the embedded registry in the file `path` calls no instance of a service healthy: every heartbeat was
 * missed. `service` is its name in the registry, `orders-shop` of `shop/orders`.
 */
export async function nobodyHealthy(path: string, service: string): Promise<void> {
  const registry = await openRegistry(`embedded:${path}`, { clock: systemClock, random: seededRandom(1) })
  if (!registry.ok) throw new Error(registry.error)
  await new Promise<void>((resolve) => {
    registry.value.watchInstances(service, {
      onState: (instances) => {
        if (instances.length === 0) resolve()
      },
      onAvailability: () => undefined,
    })
  })
  await registry.value[Symbol.asyncDispose]()
}
