import { parseResource } from '../../sidecar/config/parse-resource.ts'
import { type ResourceKind, resourceKey } from '../../sidecar/config/resources.ts'
import { toLine } from '../../sidecar/core/schema.ts'
import type { AckTracker } from './ack-tracker.ts'
import { manifestsOf } from './manifests-of.ts'
import type { ResourceView, VersionedResource } from './resource-source.ts'

/** Who refuses, where the status of a manifest names a workload. */
export const CONTROL_PLANE = 'control-plane'

/**
 * Reads what the compiler made as strictly as a sidecar will, before anybody is told: a resource that no sidecar would
 * take is held back, its last good version stays, and the manifests behind it show why.
 */
export class CheckedView {
  readonly #acks: AckTracker
  readonly #wallMs: () => number
  /** By resource and, where callers see different things, by their namespace. */
  readonly #lastGood = new Map<string, VersionedResource>()
  readonly #refused = new Map<string, string>()

  constructor(acks: AckTracker, wallMs: () => number) {
    this.#acks = acks
    this.#wallMs = wallMs
  }

  /** The same view without what is malformed. */
  check(view: ResourceView): ResourceView {
    return {
      generation: view.generation,
      trustDomain: view.trustDomain,
      find: (workload, kind, name) => this.#find(view, workload, kind, name),
    }
  }

  #find(view: ResourceView, workload: string, kind: ResourceKind, name: string): VersionedResource | undefined {
    const found = view.find(workload, kind, name)
    const key = `${resourceKey(kind, name)} ${kind === 'Service' ? workload.split('/', 1)[0] : ''}`
    if (found === undefined) {
      this.#lastGood.delete(key)
      return undefined
    }
    const held = this.#lastGood.get(key)
    // The version is the content: what was good once is good, and keeps its serialized form.
    if (held?.version === found.version) return held
    if (this.#refused.get(key) === found.version) return held
    const parsed = parseResource(found.resource)
    if (parsed.ok) {
      this.#lastGood.set(key, found)
      if (this.#refused.delete(key)) this.#acks.acked(CONTROL_PLANE, kind, name, found.version)
      return found
    }
    this.#refused.set(key, found.version)
    this.#acks.nacked(CONTROL_PLANE, kind, name, {
      version: found.version,
      reason: parsed.error.map(toLine).join('; '),
      manifests: manifestsOf(found.resource),
      atMs: this.#wallMs(),
    })
    return held
  }
}
