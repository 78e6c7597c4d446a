import type { Address } from '../sidecar/config/bootstrap.ts'
import type { Clock } from '../sidecar/core/clock.ts'
import type { Logger } from '../sidecar/core/logger.ts'
import type { Random } from '../sidecar/core/random.ts'
import type { TelemetryDefaults } from './world/world.ts'

/** What a control plane is told at its start. Durations in ms. */
export interface ControlPlaneOptions {
  /** `embedded:PATH`, `embedded::memory:` or `consul://HOST:PORT`. */
  readonly registryUrl: string
  readonly consulToken?: string
  /** Name of the mesh: several share one registry without seeing each other. */
  readonly mesh?: string
  readonly trustDomain: string
  /** Holds the seal key (0600) and the root bundle (0644). */
  readonly dataDirectory: string
  /** Another place for the seal key, which replicas share. */
  readonly sealKeyFile?: string
  /** Port for sidecars. */
  readonly push: Address
  /** REST API and dashboard. */
  readonly api: Address
  /** Required when the API is not on loopback. */
  readonly adminToken?: string
  /** Names that the API is called by, besides addresses and `localhost`. */
  readonly apiHostNames?: readonly string[]
  readonly leafLifetimeMs?: number
  /** Where Jaeger is, `http://127.0.0.1:16686`: served under `/jaeger`. */
  readonly jaegerUrl?: string
  /** Where this process's own spans go. */
  readonly otlpEndpoint?: string
  /** What sidecars report where MeshConfig says nothing. */
  readonly telemetry?: TelemetryDefaults
  readonly times?: Partial<ControlPlaneTimes>
}

/** Durations that tests shorten, ms. */
export interface ControlPlaneTimes {
  readonly instanceTtlMs: number
  readonly heartbeatMs: number
  /** A sidecar that is back within this time never left. */
  readonly graceMs: number
  /** After the registry or the control plane was away, nobody is missed for this long. */
  readonly settleMs: number
  readonly debounceMs: number
  readonly maxDebounceMs: number
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
}

/** The outside, as arguments. */
export interface ControlPlaneSeams {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Version of this program. */
  readonly version: string
}

/** Why a control plane did not start: what kind of thing is in the way, and a sentence for the person who started it. */
export interface StartProblem {
  /** `usage`: an option is wrong; `input`: a file; `unavailable`: the registry; `environment`: a port. */
  readonly kind: 'usage' | 'input' | 'unavailable' | 'environment'
  readonly sentence: string
}
