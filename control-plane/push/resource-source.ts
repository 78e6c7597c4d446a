import type { Resource, ResourceKind } from '../../sidecar/config/resources.ts'
import type { WorkloadRef } from '../world/workload-ref.ts'

/** A compiled resource and the version that sidecars know it by: a hash of its content. */
export interface VersionedResource {
  readonly version: string
  readonly resource: Resource
}

/** What a sidecar can be told at one moment. Replaced whole with every generation of the world; never changes. */
export interface ResourceView {
  /** Grows with every change of the world. */
  readonly generation: number
  /** The resource as `workload` is to see it; undefined when it does not exist. */
  find(workload: WorkloadRef, kind: ResourceKind, name: string): VersionedResource | undefined
  /** Name of the one Trust resource: the trust domain. */
  readonly trustDomain: string
}

/** The version that stands for "this resource does not exist". */
export const ABSENT_VERSION = 'absent'
