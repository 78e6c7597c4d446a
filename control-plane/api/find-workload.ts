import { err, ok, type Result } from '../../certs/result.ts'
import type { PushHub } from '../push/push-hub.ts'
import { type WorkloadRef, workloadRef } from '../world/workload-ref.ts'
import type { World } from '../world/world.ts'
import { type ApiReply, failure } from './api-reply.ts'

/** Names that a message lists; more are counted. */
const MAX_NAMED = 50

/**
 * The workload of that name (`namespace/name`), connected here or known to the registry, or the refusal. Two identities
 * may use one name: then `identity` (SPIFFE ID) says which is meant.
 */
export function findWorkload(
  hub: Pick<PushHub, 'workloads'>,
  world: Pick<World, 'workloads'>,
  name: string,
  identity: string | undefined,
): Result<WorkloadRef, ApiReply> {
  const known = knownWorkloads(hub, world)
  const named = known.filter((ref) => ref.name === name)
  const found = identity === undefined ? named : named.filter((ref) => ref.identity === identity)
  const [only] = found
  if (only !== undefined && found.length === 1) return ok(only)
  if (found.length > 1) {
    const what = `${found.length} workloads are called ${name}, of different identities`
    return err(failure(409, { what, where: 'identity', allowed: listOf(found.map((ref) => ref.identity)) }))
  }
  const allowed = listOf(
    named.length > 0 ? named.map((ref) => ref.identity) : [...new Set(known.map((ref) => ref.name))],
  )
  return err(
    failure(404, {
      what: `there is no workload ${name}${identity === undefined ? '' : ` of identity ${identity}`}`,
      where: 'workload',
      allowed: allowed === '' ? 'no workload is connected yet' : allowed,
    }),
  )
}

function knownWorkloads(hub: Pick<PushHub, 'workloads'>, world: Pick<World, 'workloads'>): readonly WorkloadRef[] {
  const known = new Map(hub.workloads.map(({ ref }) => [ref.key, ref]))
  for (const { identity, namespace, name } of world.workloads.values()) {
    const ref = workloadRef(identity, `${namespace}/${name}`)
    known.set(ref.key, ref)
  }
  return [...known.values()]
}

function listOf(names: readonly string[]): string {
  const sorted = [...names].sort()
  const more = sorted.length > MAX_NAMED ? ` and ${sorted.length - MAX_NAMED} more` : ''
  return sorted.slice(0, MAX_NAMED).join(', ') + more
}
