import { type Problem, toLine } from '../core/schema.ts'
import { parseResource } from './parse-resource.ts'
import { type Resource, type ResourceKind, resourceKey } from './resources.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from './snapshot.ts'

/** One thing that was told: a resource (unchecked) with the version it is known by, or that it is no more. */
export type Change =
  | { readonly put: unknown; readonly version?: string }
  | { readonly delete: ResourceKind; readonly name: string }

/** A resource that was refused; its last good version, if there was one, goes on serving. */
export interface Rejection {
  /** As the value says them; '' when it does not. */
  readonly kind: string
  readonly name: string
  readonly version: string
  readonly problems: readonly Problem[]
  /** All problems in one line. */
  readonly reason: string
}

/** Hears of each swap, after it. */
export type SnapshotListener = (next: Snapshot, previous: Snapshot) => void

/** The one owner of what this sidecar was told. Readers take `current` once and keep it: it never changes under them. */
export class SnapshotStore {
  #current: Snapshot
  readonly #listeners = new Set<SnapshotListener>()

  constructor(first: Snapshot = EMPTY_SNAPSHOT) {
    this.#current = first
  }

  get current(): Snapshot {
    return this.#current
  }

  /**
   * Applies what is valid, in order, as one swap, and returns what is not. Nothing is swapped, and nobody hears of it,
   * when nothing is valid.
   */
  apply(changes: readonly Change[]): readonly Rejection[] {
    const previous = this.#current
    const { next, rejections } = merge(previous, changes)
    if (next === previous) return rejections
    this.#current = next
    for (const listener of this.#listeners) listener(next, previous)
    return rejections
  }

  /** Calls `listener` after each swap, until the answer is called. */
  subscribe(listener: SnapshotListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends ReadonlyMap<infer A, infer B> ? Map<A, B> : T[K] }

function merge(previous: Snapshot, changes: readonly Change[]): { next: Snapshot; rejections: Rejection[] } {
  const rejections: Rejection[] = []
  const draft: Mutable<Snapshot> = {
    ...previous,
    generation: previous.generation + 1,
    services: new Map(previous.services),
    endpoints: new Map(previous.endpoints),
    serviceByHost: previous.serviceByHost as Map<string, string>,
    versions: new Map(previous.versions),
  }
  let isChanged = false
  for (const change of changes) {
    if ('delete' in change) {
      if (remove(draft, change.delete, change.name)) isChanged = true
      continue
    }
    const parsed = parseResource(change.put)
    if (parsed.ok) {
      put(draft, parsed.value, change.version ?? '')
      isChanged = true
    } else rejections.push(rejectionOf(change.put, change.version ?? '', parsed.error))
  }
  if (!isChanged) return { next: previous, rejections }
  if (isIndexStale(previous.services, draft.services)) draft.serviceByHost = indexHosts(draft.services)
  return { next: Object.freeze(draft), rejections }
}

function put(draft: Mutable<Snapshot>, unowned: Resource, version: string): void {
  const resource = deepFreeze(unowned)
  const held = singletonOf(draft, resource.kind)
  if (held !== undefined) draft.versions.delete(resourceKey(held.kind, held.name))
  draft.versions.set(resourceKey(resource.kind, resource.name), version)
  switch (resource.kind) {
    case 'Service':
      draft.services.set(resource.name, resource)
      return
    case 'Endpoints':
      draft.endpoints.set(resource.name, resource)
      return
    case 'Authorization':
      draft.authorization = resource
      return
    case 'Workload':
      draft.workload = resource
      return
    case 'Trust':
      draft.trust = resource
      return
    case 'Telemetry':
      draft.telemetry = resource
      return
  }
}

function remove(draft: Mutable<Snapshot>, kind: ResourceKind, name: string): boolean {
  if (!draft.versions.delete(resourceKey(kind, name))) return false
  switch (kind) {
    case 'Service':
      return draft.services.delete(name)
    case 'Endpoints':
      return draft.endpoints.delete(name)
    case 'Authorization':
      draft.authorization = undefined
      return true
    case 'Workload':
      draft.workload = undefined
      return true
    case 'Trust':
      draft.trust = undefined
      return true
    case 'Telemetry':
      draft.telemetry = undefined
      return true
  }
}

/** The resource held of a kind of which there is only one. */
function singletonOf(snapshot: Snapshot | Mutable<Snapshot>, kind: ResourceKind): Resource | undefined {
  if (kind === 'Authorization') return snapshot.authorization
  if (kind === 'Workload') return snapshot.workload
  if (kind === 'Trust') return snapshot.trust
  return kind === 'Telemetry' ? snapshot.telemetry : undefined
}

/** Endpoints change far more often than services do. */
function isIndexStale(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): boolean {
  if (before.size !== after.size) return true
  for (const [name, service] of after) if (before.get(name) !== service) return true
  return false
}

/** A host that two services claim means the one whose name sorts first, so that every sidecar reads it alike. */
function indexHosts(services: ReadonlyMap<string, { readonly hostnames: readonly string[] }>): Map<string, string> {
  const index = new Map<string, string>()
  for (const [name, service] of services) {
    for (const host of service.hostnames) {
      const owner = index.get(host)
      if (owner === undefined || name < owner) index.set(host, name)
    }
  }
  return index
}

function rejectionOf(value: unknown, version: string, problems: readonly Problem[]): Rejection {
  const { kind, name } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  return {
    kind: typeof kind === 'string' ? kind : '',
    name: typeof name === 'string' ? name : '',
    version,
    problems,
    reason: problems.map(toLine).join('; '),
  }
}

/** Freezes what was not frozen yet. The store owns what it was given. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  for (const part of Object.values(value)) deepFreeze(part)
  return Object.freeze(value)
}
