import type { RetrySettings, TrafficSettings } from '../../sidecar/config/resources.ts'
import type { TrafficSections } from '../policy/traffic-sections.ts'
import type { World, WorldService } from '../world/world.ts'
import { implicitOrigin, originOf } from './origin-of.ts'
import { toMs } from './to-ms.ts'
import { TRAFFIC_DEFAULTS } from './traffic-defaults.ts'

type Settings = Omit<TrafficSettings, 'origin'>

const BALANCERS = {
  PeakEWMA: 'p2c-ewma',
  LeastRequest: 'least-request',
  RoundRobin: 'round-robin',
  Random: 'random',
} as const

/** How callers treat a service: its TrafficPolicy over the mesh's defaults over ours, field by field. */
export function compileTraffic(world: World, service: WorldService): TrafficSettings {
  const policy = world.trafficPolicyByTarget.get(`Service/${service.qualifiedName}`)
  const mesh = overlay(TRAFFIC_DEFAULTS, world.meshConfig?.spec.traffic)
  if (policy !== undefined) return { origin: originOf(policy), ...overlay(mesh, policy.spec) }
  const origin = world.meshConfig?.spec.traffic === undefined ? undefined : originOf(world.meshConfig)
  return { origin: origin ?? implicitOrigin(service.qualifiedName), ...mesh }
}

function overlay(base: Settings, sections: TrafficSections | undefined): Settings {
  if (sections === undefined) return base
  const { loadBalancer, connection, circuitBreaker, outlierDetection: outlier, timeouts, retryBudget } = sections
  const maxEjectedRatio = toRatio(outlier?.maxEjectionPercent) ?? base.outlier.maxEjectedRatio
  return {
    balancer: loadBalancer === undefined ? base.balancer : BALANCERS[loadBalancer.type],
    connectTimeoutMs: toMs(connection?.connectTimeout) ?? base.connectTimeoutMs,
    requestTimeoutMs: base.requestTimeoutMs,
    ...(base.responseTimeoutMs === undefined ? {} : { responseTimeoutMs: base.responseTimeoutMs }),
    ...saidBounds(timeouts?.request, timeouts?.response),
    perTryTimeoutMs: toMs(timeouts?.perTry) ?? base.perTryTimeoutMs,
    streamIdleTimeoutMs: toMs(timeouts?.streamIdle) ?? base.streamIdleTimeoutMs,
    retry: overlayRetry(base.retry, sections.retry),
    retryBudget: {
      ratio: toRatio(retryBudget?.percent) ?? base.retryBudget.ratio,
      minConcurrent: retryBudget?.minRetryConcurrency ?? base.retryBudget.minConcurrent,
    },
    circuitBreaker: {
      maxConnections: circuitBreaker?.maxConnections ?? base.circuitBreaker.maxConnections,
      maxRequests: circuitBreaker?.maxParallelRequests ?? base.circuitBreaker.maxRequests,
      maxPending: circuitBreaker?.maxPendingRequests ?? base.circuitBreaker.maxPending,
    },
    outlier: {
      consecutiveFailures: outlier?.consecutive5xxErrors ?? base.outlier.consecutiveFailures,
      ...bounds(outlier?.baseEjectionTime, outlier?.maxEjectionTime, [
        base.outlier.baseEjectionMs,
        base.outlier.maxEjectionMs,
      ]),
      maxEjectedRatio,
    },
  }
}

/**
 * The bounds of a request that a manifest says. Who bounds the whole of it bounds its answer too: the default for the
 * latter does not hold besides, and `0s` ends both.
 */
export function saidBounds(request: string | undefined, response: string | undefined) {
  return {
    ...(request === undefined ? {} : { requestTimeoutMs: toMs(request), responseTimeoutMs: 0 }),
    ...(response === undefined ? {} : { responseTimeoutMs: toMs(response) }),
  }
}

function bounds(baseText: string | undefined, maxText: string | undefined, inherited: readonly [number, number]) {
  const [baseEjectionMs, maxEjectionMs] = inOrder(toMs(baseText), toMs(maxText), inherited)
  return { baseEjectionMs, maxEjectionMs }
}

/** Retry settings over others, field by field. */
export function overlayRetry(base: RetrySettings, retry: TrafficSections['retry']): RetrySettings {
  if (retry === undefined) return base
  const inherited = [base.backoffBaseMs, base.backoffMaxMs] as const
  const [backoffBaseMs, backoffMaxMs] = inOrder(toMs(retry.backoff?.base), toMs(retry.backoff?.max), inherited)
  return {
    attempts: retry.attempts ?? base.attempts,
    statuses: retry.codes === undefined ? base.statuses : toStatuses(retry.codes),
    idempotent: retry.idempotent ?? base.idempotent,
    backoffBaseMs,
    backoffMaxMs,
  }
}

/** Statuses in order, each once. */
export const toStatuses = (codes: readonly number[]): number[] => [...new Set(codes)].sort((a, b) => a - b)

/** A lower and an upper bound of which one may be inherited: what a manifest says moves the other with it. */
function inOrder(low: number | undefined, high: number | undefined, [base, max]: readonly [number, number]) {
  if (low === undefined) return high === undefined ? ([base, max] as const) : ([Math.min(base, high), high] as const)
  return [low, high ?? Math.max(max, low)] as const
}

const toRatio = (percent: number | undefined): number | undefined => (percent === undefined ? undefined : percent / 100)
