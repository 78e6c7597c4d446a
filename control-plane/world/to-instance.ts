import { ok, type Result } from '../../certs/result.ts'
import type { Registration } from '../../sidecar/config/watch-protocol.ts'
import type { Instance } from '../registry/registry.ts'
import { toMeta } from './instance-meta.ts'
import { registryNameOf } from './registry-name.ts'

/** The registry's instance for one registration of a workload (`namespace/name`) with a proven identity, or why it can't be stored. */
export function toInstance(workload: string, identity: string, registration: Registration): Result<Instance, string> {
  const { service, port, appPort, protocol, labels, address, meshPort } = registration
  const meta = toMeta({ workload, service, port, appPort, protocol, identity, labels })
  if (!meta.ok) return meta
  return ok({
    id: instanceIdOf(workload, identity, service, port),
    service: registryNameOf(service),
    address,
    port: meshPort,
    meta: meta.value,
    tags: ['outrigger'],
  })
}

/**
 * The same for each registration of one workload for one port of one service, so that repeating replaces; another for
 * everybody else, so that nobody replaces another's. Namespaces have no dot, and no part has a colon.
 */
export const instanceIdOf = (workload: string, identity: string, service: string, port: number): string =>
  [workload, identity.slice(identity.lastIndexOf('/') + 1), service, port].join(':').replaceAll('/', '.')
