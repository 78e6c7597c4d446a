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
}
