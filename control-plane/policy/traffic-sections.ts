import Type, { type Static } from 'typebox'
import { findDurationMs } from './duration.ts'
import { Duration, fields, list, notYet, oneOf } from './schema-parts.ts'
import type { FieldPath, ShapeProblem } from './shape-problems.ts'

const count = (minimum: number, description: string) =>
  Type.Optional(Type.Integer({ minimum, maximum: 1_000_000, description }))
const Percent = Type.Integer({ minimum: 0, maximum: 100 })

/** How callers treat a service: the sections that TrafficPolicy and the defaults of MeshConfig share. What is absent is inherited. */
export const TRAFFIC_SECTIONS = {
  loadBalancer: Type.Optional(
    fields({
      type: oneOf(['PeakEWMA', 'LeastRequest', 'RoundRobin', 'Random'], {
        notYetValues: { ConsistentHash: 'consistent hashing' },
      }),
    }),
  ),
  connection: Type.Optional(fields({ connectTimeout: Type.Optional(Duration) })),
  circuitBreaker: Type.Optional(
    fields({
      maxConnections: count(1, 'Connections to one endpoint.'),
      maxPendingRequests: count(1, 'Requests that wait for a connection, that which has it made included.'),
      maxParallelRequests: count(1, 'Requests in flight for the service.'),
    }),
  ),
  outlierDetection: Type.Optional(
    fields({
      consecutive5xxErrors: count(0, 'Failures in a row that eject an endpoint; 0 for never.'),
      baseEjectionTime: Type.Optional(Duration),
      maxEjectionTime: Type.Optional(Duration),
      maxEjectionPercent: Type.Optional(Percent),
    }),
  ),
  healthCheck: notYet('active health checks'),
  timeouts: Type.Optional(
    fields({
      request: Type.Optional(Duration),
      response: Type.Optional(Duration),
      perTry: Type.Optional(Duration),
      streamIdle: Type.Optional(Duration),
    }),
  ),
  retry: Type.Optional(
    fields({
      attempts: Type.Optional(
        Type.Integer({ minimum: 0, maximum: 10, description: 'Repeats after the first try; 0 for none.' }),
      ),
      codes: Type.Optional(list(Type.Integer({ minimum: 400, maximum: 599 }), 32)),
      backoff: Type.Optional(fields({ base: Type.Optional(Duration), max: Type.Optional(Duration) })),
      idempotent: Type.Optional(
        Type.Boolean({ description: 'Declares that requests may be executed twice, whatever their method.' }),
      ),
    }),
  ),
  retryBudget: Type.Optional(
    fields({
      percent: Type.Optional(Percent),
      minRetryConcurrency: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
    }),
  ),
  sessionPersistence: notYet('session persistence'),
} as const

const TrafficSections = fields(TRAFFIC_SECTIONS)
export type TrafficSections = Static<typeof TrafficSections>

/** What the schema can't say: bounds that are the wrong way round. `at` is the path of the sections' parent. */
export function checkTrafficSections(sections: TrafficSections, at: FieldPath): readonly ShapeProblem[] {
  return [
    ...inOrder(sections.outlierDetection, ['baseEjectionTime', 'maxEjectionTime'], [...at, 'outlierDetection']),
    ...inOrder(sections.retry?.backoff, ['base', 'max'], [...at, 'retry', 'backoff']),
    ...withinRequest(sections.timeouts, [...at, 'timeouts']),
  ]
}

/** A bound of 0 is none, and everything is within it. */
function withinRequest(timeouts: TrafficSections['timeouts'], path: FieldPath): readonly ShapeProblem[] {
  if ((findDurationMs(timeouts?.request ?? '') ?? 0) === 0) return []
  return [...inOrder(timeouts, ['response', 'request'], path), ...inOrder(timeouts, ['perTry', 'request'], path)]
}

function inOrder<K extends string>(
  section: { readonly [name in K]?: string } | undefined,
  [less, more]: readonly [K, K],
  path: FieldPath,
): readonly ShapeProblem[] {
  const lessText = section?.[less]
  const moreText = section?.[more]
  if (lessText === undefined || moreText === undefined) return []
  if ((findDurationMs(lessText) ?? 0) <= (findDurationMs(moreText) ?? 0)) return []
  return [
    {
      path: [...path, less],
      problem: `is longer than ${more}`,
      found: JSON.stringify(lessText),
      allowed: `at most ${moreText}`,
    },
  ]
}
