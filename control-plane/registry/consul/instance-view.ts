import type { Instance } from '../registry.ts'
import type { HealthEntry } from './consul-answers.ts'
import type { AgentService } from './consul-client.ts'

/** Marks what we registered, and carries what Consul has no field for. Taken off again when read. */
const ID_META = 'outrigger-id'
const TTL_META = 'outrigger-ttl-ms'
/** Consul forgets an instance that has been critical this long. Generous: an absence of the control plane must not cost registrations. */
const FORGET_AFTER = '10m'

/** What is known about time when health is judged. */
export interface HealthMoment {
  readonly nowMs: number
  /** Since when heartbeats can reach Consul; undefined while they can't. */
  readonly upSinceMs: number | undefined
  /** Whom the listener knows as healthy; undefined: nothing was told yet. Nobody else is forgiven. */
  readonly told: readonly Instance[] | undefined
}

/** Healthy instances by id, and when the same answer has to be judged again, ms from now. */
export interface InstanceView {
  readonly instances: readonly Instance[]
  readonly judgeAgainInMs: number | undefined
}

/** The check that our heartbeats pass; Consul's own name for the single check of a service. */
export const checkIdOf = (instanceId: string): string => `service:${instanceId}`

/** How an instance of ours is registered with an agent. */
export function toAgentService(instance: Instance, ttlMs: number): AgentService {
  const { id, service, address, port, tags } = instance
  const meta = { ...instance.meta, [ID_META]: id, [TTL_META]: String(ttlMs) }
  const check = { ttl: `${ttlMs}ms`, status: 'passing', deregistercriticalserviceafter: FORGET_AFTER } as const
  return { id, name: service, address, port, meta, tags, check }
}

/**
 * The healthy ones of what Consul lists. Others' instances are judged by their checks alone. Ours have a check that only
 * heartbeats pass: while Consul was away none could, so whoever was healthy stays so until the time to live has run out
 * since Consul came back. Without that, each absence would end with an empty mesh.
 */
export function viewInstances(entries: readonly HealthEntry[], moment: HealthMoment): InstanceView {
  const told = moment.told === undefined ? undefined : new Set(moment.told.map(({ id }) => id))
  const healthy = new Map<string, { instance: Instance; createIndex: number }>()
  let judgeAgainInMs: number | undefined
  for (const entry of entries) {
    const instance = toInstance(entry)
    const graceMs = told === undefined || told.has(instance.id) ? graceOf(entry, moment) : 0
    const isHealthy = entry.checks.every(
      ({ id, status }) => status === 'passing' || (id === checkIdOf(entry.id) && graceMs > 0),
    )
    if (!isHealthy) continue
    if (entry.checks.some(({ status }) => status !== 'passing') && Number.isFinite(graceMs)) {
      judgeAgainInMs = Math.min(judgeAgainInMs ?? graceMs, graceMs)
    }
    // Registered through two agents one after the other: the younger registration counts.
    const rival = healthy.get(instance.id)
    if (rival === undefined || rival.createIndex < entry.createIndex) {
      healthy.set(instance.id, { instance, createIndex: entry.createIndex })
    }
  }
  const instances = [...healthy.values()].map(({ instance }) => instance).sort((a, b) => (a.id < b.id ? -1 : 1))
  return { instances, judgeAgainInMs }
}

/** How much longer a missed heartbeat is forgiven, ms; 0 for instances of others. */
function graceOf({ meta }: HealthEntry, { nowMs, upSinceMs }: HealthMoment): number {
  const ttlMs = Number(meta[TTL_META] ?? 0)
  if (meta[ID_META] === undefined || !(ttlMs > 0)) return 0
  return upSinceMs === undefined ? Number.POSITIVE_INFINITY : Math.max(0, upSinceMs + ttlMs - nowMs)
}

/** Service ids of others are unique on their node only; an empty address means the node's. */
function toInstance(entry: HealthEntry): Instance {
  const { [ID_META]: ourId, [TTL_META]: _ttl, ...meta } = entry.meta
  return {
    id: ourId ?? `${entry.node}/${entry.id}`,
    service: entry.service,
    address: entry.address === '' ? entry.nodeAddress : entry.address,
    port: entry.port,
    meta,
    tags: entry.tags,
  }
}
