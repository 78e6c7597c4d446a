import type { RegistryError } from '../registry.ts'
import { REGISTRY_LIMITS } from '../registry-limits.ts'
import type { ConsulFailure } from './consul-client.ts'

/** What a failure of Consul means to the registry's caller. `where` is the registry's description. */
export function toRegistryError(failure: ConsulFailure, where: string): RegistryError {
  const detail = `${where}: ${failure.detail}`
  if (failure.kind === 'unreachable') return { kind: 'unavailable', detail }
  if (failure.status === 413) return { kind: 'too-large', detail, limitBytes: REGISTRY_LIMITS.transactionBytes }
  // 429 and 5xx: no leader, or a request limit of the server; another moment may be better.
  const isForNow = failure.status === 429 || failure.status >= 500
  return { kind: isForNow ? 'unavailable' : 'denied', detail: `${detail} (status ${failure.status})` }
}

/** Whether the agent does not have the check that a heartbeat passes: 500 in 1.8, 404 in newer ones. */
export const isUnknownCheck = (failure: ConsulFailure): boolean =>
  failure.kind === 'refused' &&
  (failure.status === 404 ||
    (failure.status === 500 && /does not have associated TTL|Unknown check/i.test(failure.detail)))
