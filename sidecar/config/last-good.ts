import { err, ok, type Result } from '../../certs/result.ts'
import type { Problem } from '../core/schema.ts'
import { type Resource, resourceKey } from './resources.ts'
import type { Snapshot } from './snapshot.ts'
import { type Change, type Rejection, SnapshotStore } from './snapshot-store.ts'

/** The form of the file that a sidecar starts from when the control plane is away. */
export interface LastGood {
  readonly format: 1
  readonly resources: readonly { readonly version: string; readonly resource: Resource }[]
}

/** All resources of a snapshot with their versions: what is written to disk, as JSON. */
export function toLastGood(snapshot: Snapshot): LastGood {
  const resources: { version: string; resource: Resource }[] = []
  const add = (resource: Resource | undefined): void => {
    if (resource === undefined) return
    const version = snapshot.versions.get(resourceKey(resource.kind, resource.name)) ?? ''
    resources.push({ version, resource })
  }
  add(snapshot.workload)
  add(snapshot.trust)
  add(snapshot.telemetry)
  add(snapshot.authorization)
  for (const service of snapshot.services.values()) add(service)
  for (const endpoints of snapshot.endpoints.values()) add(endpoints)
  return { format: 1, resources }
}

/**
 * The snapshot that a last-good file (parsed as JSON) holds, and what of it is refused now: another release may have
 * written it. Fails only when the value has not the file's form at all.
 */
export function fromLastGood(
  value: unknown,
): Result<{ snapshot: Snapshot; rejections: readonly Rejection[] }, readonly Problem[]> {
  const file = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  if (file['format'] !== 1) return err([{ path: 'format', problem: 'must be 1', got: file['format'] }])
  if (!Array.isArray(file['resources'])) return err([{ path: 'resources', problem: 'must be a list' }])
  const changes: Change[] = []
  for (const entry of file['resources'] as unknown[]) {
    const { version, resource } = (typeof entry === 'object' && entry !== null ? entry : {}) as Record<string, unknown>
    changes.push({ put: resource, version: typeof version === 'string' ? version : '' })
  }
  const store = new SnapshotStore()
  const rejections = store.apply(changes)
  return ok({ snapshot: store.current, rejections })
}
