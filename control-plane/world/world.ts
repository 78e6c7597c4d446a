import type { Endpoint, Protocol } from '../../sidecar/config/resources.ts'
import type {
  AuthorizationPolicyManifest,
  HTTPRouteManifest,
  Manifest,
  MeshConfigManifest,
  PeerAuthenticationManifest,
  ServiceManifest,
  TrafficPolicyManifest,
} from '../policy/manifest.ts'

/** One port of a service. */
export interface WorldPort {
  readonly port: number
  readonly name: string | undefined
  readonly protocol: Protocol
}

/** A service as all sources together say it is. */
export interface WorldService {
  /** `namespace/name`. */
  readonly qualifiedName: string
  readonly namespace: string
  readonly name: string
  /** In order; never empty. */
  readonly ports: readonly WorldPort[]
  readonly virtualAddresses: readonly string[]
  /** By id. */
  readonly endpoints: readonly Endpoint[]
  /** False: the registry has too many services, and what this one's instances are is not known. */
  readonly isWatched: boolean
  readonly manifest: ServiceManifest | undefined
}

/** What a workload serves: one port of one service. */
export interface Served {
  readonly service: string
  readonly port: number
  readonly appPort: number
  readonly protocol: Protocol
}

/** A workload, as policies see it. */
export interface Workload {
  /** SPIFFE ID. */
  readonly identity: string
  readonly namespace: string
  readonly name: string
  readonly serviceAccount: string
  readonly labels: Readonly<Record<string, string>>
  readonly serves: readonly Served[]
}

/** The trust domain and its roots, as the authority has them. */
export interface WorldTrust {
  readonly trustDomain: string
  readonly rootsPem: readonly string[]
  /** Grows with each change of the roots. */
  readonly sequence: number
}

/** What sidecars report where MeshConfig does not say it. */
export interface TelemetryDefaults {
  /** 0 to 1. */
  readonly samplingRatio: number
  readonly otlpEndpoint: string | undefined
  readonly accessLog: 'off' | 'errors' | 'all'
}

/** An instance that is not in the view, and why. */
export interface SkippedInstance {
  readonly id: string
  readonly because: string
}

/**
 * Everything that is known, at one moment: what the compiler reads. Immutable; made by `buildWorld` only.
 * Lists of manifests are in order of age, the oldest first, so that who is first wins.
 */
export interface World {
  /** Grows by one with every change. */
  readonly generation: number
  readonly trust: WorldTrust
  readonly telemetryDefaults: TelemetryDefaults
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, WorldService>
  /** Workloads that have registered, by the key of their `WorkloadRef`. */
  readonly workloads: ReadonlyMap<string, Workload>
  /** By `manifestKey`. */
  readonly manifests: ReadonlyMap<string, Manifest>
  readonly httpRoutes: readonly HTTPRouteManifest[]
  /** The same, by the services (`namespace/name`) that they name as parents: a service's routes are found without a search. */
  readonly routesByParent: ReadonlyMap<string, readonly HTTPRouteManifest[]>
  readonly authorizationPolicies: readonly AuthorizationPolicyManifest[]
  readonly peerAuthentications: readonly PeerAuthenticationManifest[]
  readonly trafficPolicies: readonly TrafficPolicyManifest[]
  /** The policy in force for a target, by the target's `manifestKey`: of several the oldest (Gateway API, policy conflicts). */
  readonly trafficPolicyByTarget: ReadonlyMap<string, TrafficPolicyManifest>
  readonly meshConfig: MeshConfigManifest | undefined
  readonly skipped: readonly SkippedInstance[]
}
