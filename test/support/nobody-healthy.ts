import { openRegistry } from '../../control-plane/registry/open-registry.ts'
import { systemClock } from '../../sidecar/core/clock.ts'
import { seededRandom } from '../../sidecar/core/random.ts'
import { eventually } from './eventually.ts'

/**
 * Resolves when the embedded registry in the file `path` calls no instance of a service healthy: every heartbeat was
 * missed. `service` is its name in the registry, `orders-shop` of `shop/orders`.
 */
export async function nobodyHealthy(path: string, service: string): Promise<void> {
  const opened = await openRegistry(`embedded:${path}`, { clock: systemClock, random: seededRandom(1) })
  if (!opened.ok) throw new Error(opened.error)
  await using registry = opened.value
  let healthyCount = -1
  registry.watchInstances(service, {
    onState: ({ length }) => {
      healthyCount = length
    },
    onAvailability: () => undefined,
  })
  // looked at, not awaited: the registry's own timers keep no process alive
  await eventually(`no instance of ${service} is healthy`, () => healthyCount === 0)
}
