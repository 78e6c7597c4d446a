import { parseResource } from '../../sidecar/config/parse-resource.ts'
import { type ResourceKind, resourceKey } from '../../sidecar/config/resources.ts'
import { toLine } from '../../sidecar/core/schema.ts'
import { type WorkloadRef, workloadRef } from '../world/workload-ref.ts'
import type { AckTracker } from './ack-tracker.ts'
import { manifestsOf } from './manifests-of.ts'
import type { ResourceView, VersionedResource } from './resource-source.ts'

/** Who refuses, where the status of a manifest names a workload. */
const CONTROL_PLANE = workloadRef('', 'control-plane')

interface Checked {
  readonly kind: ResourceKind
  readonly name: string
  /** The last good version. */
  good: VersionedResource | undefined
  /** Version that was held back after it. */
  refused: string | undefined
  /** Generation in which it was last asked for. */
  askedIn: number
}

/**
 * Reads what the compiler made as strictly as a sidecar will, before anybody is told: a resource that no sidecar would
 * take is held back, its last good version stays, and the manifests behind it show why.
 */
export class CheckedView {
  readonly #acks: AckTracker
  readonly #wallMs: () => number
  /** By resource and, where they see different things, by who sees it. */
  readonly #checked = new Map<string, Checked>()
  #generation = 0

  constructor(acks: AckTracker, wallMs: () => number) {
    this.#acks = acks
    this.#wallMs = wallMs
  }

  /** The same view without what is malformed. */
  check(view: ResourceView): ResourceView {
    if (view.generation !== this.#generation) this.#forgetUnasked()
    this.#generation = view.generation
    return {
      generation: view.generation,
      trustDomain: view.trustDomain,
      find: (workload, kind, name) => this.#find(view, workload, kind, name),
    }
  }

  /** Whoever is connected asks in every generation. Names of workloads have no end: what nobody asked for is let go. */
  #forgetUnasked(): void {
    for (const [key, checked] of this.#checked) if (checked.askedIn !== this.#generation) this.#forget(key, checked)
  }

  #forget(key: string, { kind, name, refused }: Checked): void {
    this.#checked.delete(key)
    if (refused !== undefined) this.#acks.dropped(CONTROL_PLANE, kind, name)
  }

  #find(view: ResourceView, workload: WorkloadRef, kind: ResourceKind, name: string): VersionedResource | undefined {
    const found = view.find(workload, kind, name)
    const key = `${resourceKey(kind, name)} ${audienceOf(workload, kind)}`
    const known = this.#checked.get(key)
    if (found === undefined) {
      if (known !== undefined) this.#forget(key, known)
      return undefined
    }
    const checked = known ?? { kind, name, good: undefined, refused: undefined, askedIn: 0 }
    checked.askedIn = this.#generation
    // The version is the content: what was good once is good, and keeps its serialized form.
    if (checked.refused === found.version) return checked.good
    if (checked.refused === undefined && checked.good?.version === found.version) return checked.good
    this.#checked.set(key, checked)
    const parsed = parseResource(found.resource)
    if (parsed.ok) {
      if (checked.refused !== undefined) this.#acks.acked(CONTROL_PLANE, kind, name, found.version)
      checked.good = found
      checked.refused = undefined
      return found
    }
    checked.refused = found.version
    this.#acks.nacked(CONTROL_PLANE, kind, name, {
      version: found.version,
      reason: parsed.error.map(toLine).join('; '),
      manifests: manifestsOf(found.resource),
      atMs: this.#wallMs(),
    })
    return checked.good
  }
}

/** Who sees a resource of this kind and name alike: everybody, a namespace, or one workload. */
function audienceOf({ key, name }: WorkloadRef, kind: ResourceKind): string {
  if (kind === 'Service') return name.slice(0, name.indexOf('/'))
  return kind === 'Workload' || kind === 'Authorization' ? key : ''
}
