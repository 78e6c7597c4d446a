import type {
  AuthorizationResource,
  EndpointsResource,
  ServiceResource,
  TelemetryResource,
  TrustResource,
  WorkloadResource,
} from './resources.ts'

/**
 * What the control plane has told this sidecar, indexed for lookup. Immutable: a request reads it once and keeps it to
 * its end. Made and replaced by `SnapshotStore` only.
 */
export interface Snapshot {
  /** Grows by one with every change; the number that logs and traces name. */
  readonly generation: number
  readonly workload: WorkloadResource | undefined
  readonly authorization: AuthorizationResource | undefined
  readonly trust: TrustResource | undefined
  readonly telemetry: TelemetryResource | undefined
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, ServiceResource>
  /** By `namespace/name` of the service. */
  readonly endpoints: ReadonlyMap<string, EndpointsResource>
  /** Service names by the hosts that mean them. */
  readonly serviceByHost: ReadonlyMap<string, string>
  /** Version of each resource held, by `resourceKey`: what is told to the control plane to resume from. */
  readonly versions: ReadonlyMap<string, string>
}

/** What a sidecar knows that was told nothing. */
export const EMPTY_SNAPSHOT: Snapshot = Object.freeze({
  generation: 0,
  workload: undefined,
  authorization: undefined,
  trust: undefined,
  telemetry: undefined,
  services: new Map(),
  endpoints: new Map(),
  serviceByHost: new Map(),
  versions: new Map(),
})
