import { type ResourceKind, resourceKey } from '../../sidecar/config/resources.ts'

/** What one workload said about one resource. */
export interface Acknowledgement {
  readonly kind: ResourceKind
  readonly name: string
  /** Version that the sidecar serves with; undefined before the first one. */
  readonly acked: string | undefined
  /** The latest refusal, until a later version is applied. */
  readonly nack: Refusal | undefined
}

/** A version that a sidecar would not apply. */
export interface Refusal {
  readonly version: string
  readonly reason: string
  /** Manifests that the refused resource was compiled from, `Kind/namespace/name`. */
  readonly manifests: readonly string[]
  /** Wall clock, ms since the epoch. */
  readonly atMs: number
}

/** A refusal with the workload that made it. */
export interface WorkloadRefusal extends Refusal {
  readonly workload: string
  readonly kind: ResourceKind
  readonly name: string
}

/** Reasons come from sidecars: kept short. */
const MAX_REASON_LENGTH = 1_024

/** Remembers, for each workload, which versions its sidecar serves with and which it refused. Forgets a workload with its last stream. */
export class AckTracker {
  readonly #byWorkload = new Map<string, Map<string, Acknowledgement>>()

  /** The sidecar serves with `version` now. A refusal of an earlier version is settled by it. */
  acked(workload: string, kind: ResourceKind, name: string, version: string): void {
    this.#of(workload).set(resourceKey(kind, name), { kind, name, acked: version, nack: undefined })
  }

  /** The sidecar refused `refusal.version`; what it acknowledged before goes on serving. */
  nacked(workload: string, kind: ResourceKind, name: string, refusal: Refusal): void {
    const known = this.#of(workload)
    const key = resourceKey(kind, name)
    const nack = { ...refusal, reason: refusal.reason.slice(0, MAX_REASON_LENGTH) }
    known.set(key, { kind, name, acked: known.get(key)?.acked, nack })
  }

  /** The sidecar holds no subscription for the resource any more. */
  dropped(workload: string, kind: ResourceKind, name: string): void {
    this.#byWorkload.get(workload)?.delete(resourceKey(kind, name))
  }

  /** The workload is gone. */
  forget(workload: string): void {
    this.#byWorkload.delete(workload)
  }

  /** What one workload said, by resource. */
  of(workload: string): readonly Acknowledgement[] {
    return [...(this.#byWorkload.get(workload)?.values() ?? [])]
  }

  /** Every refusal that stands, of all workloads. */
  refusals(): readonly WorkloadRefusal[] {
    const all: WorkloadRefusal[] = []
    for (const [workload, known] of this.#byWorkload)
      for (const { kind, name, nack } of known.values())
        if (nack !== undefined) all.push({ workload, kind, name, ...nack })
    return all
  }

  #of(workload: string): Map<string, Acknowledgement> {
    let known = this.#byWorkload.get(workload)
    if (known === undefined) {
      known = new Map()
      this.#byWorkload.set(workload, known)
    }
    return known
  }
}
