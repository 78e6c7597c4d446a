import type { TrafficSettings } from '../../sidecar/config/resources.ts'

/**
 * How a service is treated when no manifest says otherwise. Retries: two, of statuses that mean "not by me, not now", with
 * full jitter between 25 and 250 ms, at most 20 % of the traffic with a floor of 3 at once (Finagle, Envoy). Limits and
 * ejection are Envoy's defaults, but for the share that may be ejected: half. Of time, the beginning of the answer alone is
 * bounded: a download, or a stream of gRPC, may last as long as octets move.
 */
export const TRAFFIC_DEFAULTS = {
  balancer: 'p2c-ewma',
  connectTimeoutMs: 1_000,
  requestTimeoutMs: 0,
  perTryTimeoutMs: 0,
  streamIdleTimeoutMs: 300_000,
  retry: { attempts: 2, statuses: [502, 503, 504], idempotent: false, backoffBaseMs: 25, backoffMaxMs: 250 },
  retryBudget: { ratio: 0.2, minConcurrent: 3 },
  circuitBreaker: { maxConnections: 1_024, maxRequests: 1_024, maxPending: 1_024 },
  outlier: { consecutiveFailures: 5, baseEjectionMs: 30_000, maxEjectionMs: 300_000, maxEjectedRatio: 0.5 },
} as const satisfies Omit<TrafficSettings, 'origin'>
