import { type ResourceKind, resourceKey } from '../../sidecar/config/resources.ts'
import type { WorkloadRef } from '../world/workload-ref.ts'

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
  readonly workload: WorkloadRef
  readonly kind: ResourceKind
  readonly name: string
}

/** Reasons come from sidecars: kept short. */
const MAX_REASON_LENGTH = 1_024

/** Refusals of one workload whose reasons are kept; more are kept without. */
const MAX_REASONS = 64
const MANY_REFUSALS = `more than ${MAX_REASONS} refusals by this workload: see its sidecar's log`

interface Known {
  readonly workload: WorkloadRef
  readonly byResource: Map<string, Acknowledgement>
}

/** Remembers, for each workload, which versions its sidecar serves with and which it refused. Forgets a workload with its stream. */
export class AckTracker {
  readonly #byWorkload = new Map<string, Known>()

  /** The sidecar serves with `version` now. A refusal of an earlier version is settled by it. */
  acked(workload: WorkloadRef, kind: ResourceKind, name: string, version: string): void {
    this.#of(workload).set(resourceKey(kind, name), { kind, name, acked: version, nack: undefined })
  }

  /** The sidecar refused `refusal.version`; what it acknowledged before goes on serving. */
  nacked(workload: WorkloadRef, kind: ResourceKind, name: string, refusal: Refusal): void {
    const known = this.#of(workload)
    const key = resourceKey(kind, name)
    const isKept = known.get(key)?.nack !== undefined || countRefusals(known) < MAX_REASONS
    const nack = { ...refusal, reason: isKept ? shortened(refusal.reason) : MANY_REFUSALS }
    known.set(key, { kind, name, acked: known.get(key)?.acked, nack })
  }

  /** The sidecar holds no subscription for the resource any more. */
  dropped({ key }: WorkloadRef, kind: ResourceKind, name: string): void {
    this.#byWorkload.get(key)?.byResource.delete(resourceKey(kind, name))
  }

  /** The workload is gone, or begins anew. */
  forget({ key }: WorkloadRef): void {
    this.#byWorkload.delete(key)
  }

  /** What one workload said, by resource. */
  of({ key }: WorkloadRef): readonly Acknowledgement[] {
    return [...(this.#byWorkload.get(key)?.byResource.values() ?? [])]
  }

  /** Every refusal that stands, of all workloads. */
  refusals(): readonly WorkloadRefusal[] {
    const all: WorkloadRefusal[] = []
    for (const { workload, byResource } of this.#byWorkload.values())
      for (const { kind, name, nack } of byResource.values())
        if (nack !== undefined) all.push({ workload, kind, name, ...nack })
    return all
  }

  #of(workload: WorkloadRef): Map<string, Acknowledgement> {
    const known = this.#byWorkload.get(workload.key) ?? { workload, byResource: new Map() }
    this.#byWorkload.set(workload.key, known)
    return known.byResource
  }
}

const countRefusals = (known: ReadonlyMap<string, Acknowledgement>): number =>
  known.values().reduce((count, { nack }) => count + (nack === undefined ? 0 : 1), 0)

/** A copy: a part of a text keeps all of it in memory. */
const shortened = (reason: string): string => Buffer.from(reason.slice(0, MAX_REASON_LENGTH)).toString()
