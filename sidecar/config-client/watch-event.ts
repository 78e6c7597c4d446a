import { err, ok, type Result } from '../../certs/result.ts'
import type { ResourceKind } from '../config/resources.ts'

/**
 * One event of the watch stream as it arrives: the resource is unknown yet, since a malformed one is refused by itself
 * and must not end the stream.
 */
export type ArrivedEvent =
  | {
      readonly type: 'put'
      readonly kind: ResourceKind
      readonly name: string
      readonly version: string
      readonly resource: unknown
    }
  | { readonly type: 'delete'; readonly kind: ResourceKind; readonly name: string; readonly version: string }
  | { readonly type: 'synced' }
  | { readonly type: 'ping' }
  /** Of a newer control plane: skipped. */
  | { readonly type: 'unknown' }

const KINDS: readonly string[] = ['Service', 'Endpoints', 'Authorization', 'Workload', 'Trust', 'Telemetry']

/** Reads one line. An error means that the stream can't be understood any more. */
export function readEvent(line: string): Result<ArrivedEvent, string> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return err('an event is not JSON')
  }
  if (typeof value !== 'object' || value === null) return err('an event is not an object')
  const { type, kind, name, version, resource } = value as Record<string, unknown>
  if (type === 'synced' || type === 'ping') return ok({ type })
  if (type !== 'put' && type !== 'delete')
    return typeof type === 'string' ? ok({ type: 'unknown' }) : err('an event has no type')
  if (typeof kind !== 'string' || typeof name !== 'string' || typeof version !== 'string')
    return err(`an event of type "${type}" lacks kind, name or version`)
  if (!KINDS.includes(kind)) return ok({ type: 'unknown' })
  const known = kind as ResourceKind
  return ok(type === 'put' ? { type, kind: known, name, version, resource } : { type, kind: known, name, version })
}
