import Type, { type Static } from 'typebox'
import { closed, Milliseconds, NamedMatch, Origin, Port, QualifiedName, TextMatch } from './resource-parts.ts'

/** One way to match a route rule; all that is present must hold. */
export const RouteMatch = Type.Object(
  {
    path: Type.Optional(TextMatch),
    method: Type.Optional(Type.String()),
    headers: Type.Array(NamedMatch),
    query: Type.Array(NamedMatch),
  },
  closed,
)
export type RouteMatch = Static<typeof RouteMatch>

const FieldEdit = Type.Object({ name: Type.String(), value: Type.String() }, closed)
/** Changes to header fields: `remove` first, then `set`, then `add`. Names are lower case. */
export const HeadEdits = Type.Object(
  { set: Type.Array(FieldEdit), add: Type.Array(FieldEdit), remove: Type.Array(Type.String()) },
  closed,
)
export type HeadEdits = Static<typeof HeadEdits>

const PathEdit = Type.Union([
  Type.Object({ type: Type.Literal('replace-full'), value: Type.String() }, closed),
  Type.Object({ type: Type.Literal('replace-prefix'), value: Type.String() }, closed),
])
/** What a rule does to a request that it matched, besides forwarding it. */
export const RouteFilters = Type.Object(
  {
    request: Type.Optional(HeadEdits),
    response: Type.Optional(HeadEdits),
    rewrite: Type.Optional(
      Type.Object({ hostname: Type.Optional(Type.String()), path: Type.Optional(PathEdit) }, closed),
    ),
    redirect: Type.Optional(
      Type.Object(
        {
          scheme: Type.Optional(Type.String()),
          hostname: Type.Optional(Type.String()),
          port: Type.Optional(Port),
          path: Type.Optional(PathEdit),
          status: Type.Integer({ minimum: 300, maximum: 399 }),
        },
        closed,
      ),
    ),
  },
  closed,
)
export type RouteFilters = Static<typeof RouteFilters>

/** A share of a rule's traffic. `invalid` says why it can't be served; its share gets 500 (Gateway API, HTTPRouteRule.backendRefs). */
export const RouteBackend = Type.Object(
  {
    service: QualifiedName,
    port: Port,
    weight: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
    invalid: Type.Optional(Type.String()),
  },
  closed,
)
export type RouteBackend = Static<typeof RouteBackend>

export const RetrySettings = Type.Object(
  {
    /** Repeats after the first try. 0: none. */
    attempts: Type.Integer({ minimum: 0, maximum: 10 }),
    /** Response statuses that may be tried again, when the request is idempotent. */
    statuses: Type.Array(Type.Integer({ minimum: 400, maximum: 599 })),
    /** The route declares its requests idempotent, whatever their method. */
    idempotent: Type.Boolean(),
    backoffBaseMs: Milliseconds,
    backoffMaxMs: Milliseconds,
  },
  closed,
)
export type RetrySettings = Static<typeof RetrySettings>

/** One rule of one route manifest, in the place that precedence gives it. */
export const RouteRule = Type.Object(
  {
    origin: Origin,
    /** Index of the rule in its manifest. */
    rule: Type.Integer({ minimum: 0 }),
    /** Ports of the service that it is attached to; empty for all. */
    ports: Type.Array(Port),
    /** One match per entry: a rule with several matches appears once for each, so that the list as a whole is in order of precedence. Empty object matches all. */
    match: RouteMatch,
    filters: RouteFilters,
    backends: Type.Array(RouteBackend),
    /** The whole exchange, all tries included; 0: none. Absent: the service's. */
    requestTimeoutMs: Type.Optional(Milliseconds),
    /** One try; 0: none. Absent: the service's. */
    perTryTimeoutMs: Type.Optional(Milliseconds),
    retry: Type.Optional(RetrySettings),
  },
  closed,
)
export type RouteRule = Static<typeof RouteRule>
