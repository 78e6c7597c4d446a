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

/** Fields that no rule may edit: framing and hop-by-hop fields are the wire's own, and a host is rewritten by `rewrite.hostname`. */
export const WIRE_FIELDS: readonly string[] = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'te',
  'trailer',
  'http2-settings',
]
/** What may stand in a head that is written as it is: anything else could begin another field or message (RFC 9110 §5). */
const FieldName = Type.String({ pattern: `^(?!(${WIRE_FIELDS.join('|')})$)[!#$%&'*+.^_\`|~0-9a-z-]+$`, maxLength: 256 })
const FieldValue = Type.String({
  pattern: '^([\\x21-\\x7e\\x80-\\xff]([\\t\\x20-\\x7e\\x80-\\xff]*[\\x21-\\x7e\\x80-\\xff])?)?$',
  maxLength: 8192,
})
const HostText = Type.String({ pattern: '^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$' })
const PathText = Type.String({ pattern: '^(/[\\x21\\x24-\\x3e\\x40-\\x5b\\x5d-\\x7e]*)?$', maxLength: 4096 })

const FieldEdit = Type.Object({ name: FieldName, value: FieldValue }, closed)
/** Changes to header fields: `remove` first, then `set`, then `add`. Names are lower case. */
export const HeadEdits = Type.Object(
  { set: Type.Array(FieldEdit), add: Type.Array(FieldEdit), remove: Type.Array(FieldName) },
  closed,
)
export type HeadEdits = Static<typeof HeadEdits>

const PathEdit = Type.Union([
  Type.Object({ type: Type.Literal('replace-full'), value: PathText }, closed),
  Type.Object({ type: Type.Literal('replace-prefix'), value: PathText }, closed),
])
/** What a rule does to a request that it matched, besides forwarding it. */
export const RouteFilters = Type.Object(
  {
    request: Type.Optional(HeadEdits),
    response: Type.Optional(HeadEdits),
    rewrite: Type.Optional(Type.Object({ hostname: Type.Optional(HostText), path: Type.Optional(PathEdit) }, closed)),
    redirect: Type.Optional(
      Type.Object(
        {
          scheme: Type.Optional(Type.Union([Type.Literal('http'), Type.Literal('https')])),
          hostname: Type.Optional(HostText),
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
    /** From the end of the request to the head of its response, all tries together; 0: none. Absent: the service's. */
    responseTimeoutMs: Type.Optional(Milliseconds),
    /** One try; 0: none. Absent: the service's. */
    perTryTimeoutMs: Type.Optional(Milliseconds),
    retry: Type.Optional(RetrySettings),
  },
  closed,
)
export type RouteRule = Static<typeof RouteRule>
