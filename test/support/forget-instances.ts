import assert from 'node:assert/strict'
import { openRegistry } from '../../control-plane/registry/open-registry.ts'
import type { Instance } from '../../control-plane/registry/registry.ts'
import { systemClock } from '../../sidecar/core/clock.ts'
import { seededRandom } from '../../sidecar/core/random.ts'
import { eventually } from './eventually.ts'

/**
 * Lets the embedded registry in the file `path` forget the instances of a service, as a registry does that has heard
 * nothing of them for long. `service` is its name there, `orders-shop` of `shop/orders`. Answers with how many they were.
 */
export async function forgetInstances(path: string, service: string): Promise<number> {
  const opened = await openRegistry(`embedded:${path}`, { clock: systemClock, random: seededRandom(1) })
  assert(opened.ok, opened.ok ? '' : opened.error)
  await using registry = opened.value
  let instances: readonly Instance[] | undefined
  registry.watchInstances(service, {
    onState: (state) => {
      instances ??= state
    },
    onAvailability: () => undefined,
  })
  await eventually('the registry says who is there', () => instances !== undefined)
  for (const { id } of instances ?? []) assert((await registry.deregister(id)).ok)
  return instances?.length ?? 0
}
