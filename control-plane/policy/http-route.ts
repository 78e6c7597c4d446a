import Type, { type Static } from 'typebox'
import { canonicalPathMatch, checkHeaderMatch, toShapeProblems } from './canonical-match.ts'
import { findDurationMs } from './duration.ts'
import { checkFilters, HTTPRouteFilter } from './http-route-filter.ts'
import type { KindDefinition } from './kind-definition.ts'
import {
  Duration,
  FieldName,
  FieldValue,
  fields,
  LabelName,
  list,
  Method,
  notYet,
  oneOf,
  Port,
  text,
} from './schema-parts.ts'
import type { FieldPath, ShapeProblem } from './shape-problems.ts'

const REGEX = { RegularExpression: 'matching by regular expression' }

const HTTPRouteMatch = fields({
  path: Type.Optional(
    fields({
      type: Type.Optional(oneOf(['PathPrefix', 'Exact'], { notYetValues: REGEX })),
      value: Type.Optional(
        text('^/[^\\x00-\\x20#?\\x7f]*$', 'a path that begins with "/", without query, blanks or "#"', 1024),
      ),
    }),
  ),
  headers: Type.Optional(
    list(
      fields({ type: Type.Optional(oneOf(['Exact'], { notYetValues: REGEX })), name: FieldName, value: FieldValue }),
      16,
    ),
  ),
  queryParams: Type.Optional(
    list(
      fields({
        type: Type.Optional(oneOf(['Exact'], { notYetValues: REGEX })),
        name: Type.String({ minLength: 1, maxLength: 256 }),
        value: Type.String({ minLength: 1, maxLength: 1024 }),
      }),
      16,
    ),
  ),
  method: Type.Optional(Method),
})
export type HTTPRouteMatch = Static<typeof HTTPRouteMatch>

const BackendRef = fields({
  group: Type.Optional(oneOf([''])),
  kind: Type.Optional(oneOf(['Service'])),
  name: LabelName,
  namespace: Type.Optional(LabelName),
  port: Port,
  weight: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  filters: notYet('filters of a single backend; set them for the rule'),
})

const HTTPRouteRule = fields({
  name: Type.Optional(LabelName),
  matches: Type.Optional(list(HTTPRouteMatch, 64)),
  filters: Type.Optional(list(HTTPRouteFilter, 16)),
  backendRefs: Type.Optional(list(BackendRef, 16)),
  timeouts: Type.Optional(fields({ request: Type.Optional(Duration), backendRequest: Type.Optional(Duration) })),
  retry: Type.Optional(
    fields({
      codes: Type.Optional(list(Type.Integer({ minimum: 400, maximum: 599 }), 32)),
      attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 10 })),
      backoff: Type.Optional(Duration),
    }),
  ),
  sessionPersistence: notYet('session persistence'),
})
export type HTTPRouteRule = Static<typeof HTTPRouteRule>

const ParentRef = fields({
  group: Type.Optional(oneOf([''], { notYetValues: { 'gateway.networking.k8s.io': 'gateways as parents' } })),
  kind: oneOf(['Service'], {
    notYetValues: { Gateway: 'gateways as parents; a route of the mesh has a Service as parent' },
  }),
  name: LabelName,
  namespace: Type.Optional(LabelName),
  port: Type.Optional(Port),
  sectionName: Type.Optional(LabelName),
})

/** HTTPRoute of Gateway API v1, as the mesh uses it (GAMMA, GEP-1294): the parents are Services. */
export const HTTPRouteSpec = fields({
  parentRefs: list(ParentRef, 32, 1),
  hostnames: notYet('hostnames of routes; in a mesh the parent Service says which hosts are meant'),
  rules: Type.Optional(list(HTTPRouteRule, 16, 1)),
  useDefaultGateways: notYet('gateways as parents'),
})
export type HTTPRouteSpec = Static<typeof HTTPRouteSpec>

export const httpRouteKind = {
  kind: 'HTTPRoute',
  apiVersion: 'gateway.networking.k8s.io/v1',
  plural: 'httproutes',
  shortNames: [],
  scope: 'Namespaced',
  description: 'Routing of HTTP requests to a service: matches, weights, rewriting, redirects, timeouts, retries.',
  spec: HTTPRouteSpec,
  columns: [],
  check,
} as const satisfies KindDefinition

/** Gateway API allows 128 matches in all rules of a route together. */
const MAX_MATCHES = 128

function check(spec: HTTPRouteSpec): readonly ShapeProblem[] {
  const problems: ShapeProblem[] = []
  let matchCount = 0
  for (const [i, rule] of (spec.rules ?? []).entries()) {
    const at = ['spec', 'rules', i]
    const matches = rule.matches ?? []
    matchCount += matches.length
    problems.push(
      ...checkFilters(rule.filters ?? [], {
        at,
        hasBackends: (rule.backendRefs ?? []).length > 0,
        hasOnePrefixMatch: matches.every((match) => (match.path?.type ?? 'PathPrefix') === 'PathPrefix'),
      }),
      ...matches.flatMap((match, j) => checkMatch(match, [...at, 'matches', j])),
      ...checkTimeouts(rule.timeouts, [...at, 'timeouts']),
    )
  }
  if (matchCount > MAX_MATCHES) {
    problems.push({
      path: ['spec', 'rules'],
      problem: `hold ${matchCount} matches`,
      allowed: `at most ${MAX_MATCHES} in all`,
    })
  }
  return problems
}

function checkMatch({ path, headers = [] }: HTTPRouteMatch, at: FieldPath): readonly ShapeProblem[] {
  const value = path?.value ?? '/'
  const where = [...at, 'path', 'value']
  const problems = [...toShapeProblems(canonicalPathMatch(value), value, where)]
  // Gateway API, HTTPPathMatch.value: a slash that is none is not routed by.
  if (problems.length === 0 && /%2f/i.test(value))
    problems.push({ path: where, problem: 'holds "%2f"', found: JSON.stringify(value), allowed: 'paths without "%2f"' })
  for (const [i, header] of headers.entries())
    problems.push(...checkHeaderMatch(header.name, header.value, [...at, 'headers', i]))
  return problems
}

function checkTimeouts(timeouts: HTTPRouteRule['timeouts'], path: FieldPath): readonly ShapeProblem[] {
  const requestMs = findDurationMs(timeouts?.request ?? '0s') ?? 0
  const tryMs = findDurationMs(timeouts?.backendRequest ?? '0s') ?? 0
  if (requestMs === 0 || tryMs <= requestMs) return []
  return [
    {
      path: [...path, 'backendRequest'],
      problem: 'is longer than timeouts.request, which bounds all tries together',
      found: JSON.stringify(timeouts?.backendRequest),
      allowed: `at most ${timeouts?.request}`,
    },
  ]
}
