import Type, { type Static } from 'typebox'

/*
 * THE CONTRACT: everything that a control plane can tell a sidecar. Flat, compiled, with all defaults filled in:
 * a sidecar looks things up and never interprets policy. Durations are milliseconds; 0 means "none" where it says so.
 * Unknown fields are refused: a newer control plane's policy must never be half understood (CVE-2022-21679).
 */

const closed = { additionalProperties: false } as const
/** `namespace/name` of a service, or of a workload. */
const QualifiedName = Type.String({
  pattern: '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$',
})
const SpiffeIdText = Type.String({ pattern: '^spiffe://[a-z0-9._-]+(/[a-zA-Z0-9._-]+)+$', maxLength: 2048 })
const Port = Type.Integer({ minimum: 1, maximum: 65535 })
const Milliseconds = Type.Integer({ minimum: 0 })
const Ratio = Type.Number({ minimum: 0, maximum: 1 })

/** How a service's port speaks. */
export const Protocol = Type.Union([
  Type.Literal('http'),
  Type.Literal('http2'),
  Type.Literal('grpc'),
  Type.Literal('tcp'),
])
export type Protocol = Static<typeof Protocol>

/** Where a compiled rule came from, so that every decision can name it. */
export const Origin = Type.Object(
  {
    /** `HTTPRoute`, `AuthorizationPolicy`, …; `implicit` for what no manifest says. */
    kind: Type.String(),
    namespace: Type.String(),
    name: Type.String(),
  },
  closed,
)
export type Origin = Static<typeof Origin>

/** Text compared exactly, by path prefix (whole elements), by text prefix, by suffix, or by a linear-time regular expression (RE2 syntax). */
export const TextMatch = Type.Object(
  {
    type: Type.Union([
      Type.Literal('exact'),
      Type.Literal('path-prefix'),
      Type.Literal('prefix'),
      Type.Literal('suffix'),
      Type.Literal('regex'),
      Type.Literal('present'),
    ]),
    value: Type.String({ maxLength: 4096 }),
  },
  closed,
)
export type TextMatch = Static<typeof TextMatch>

export const NamedMatch = Type.Object({ name: Type.String({ minLength: 1, maxLength: 256 }), match: TextMatch }, closed)
export type NamedMatch = Static<typeof NamedMatch>

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

/** How a caller treats one service: TrafficPolicy with its defaults filled in. */
export const TrafficSettings = Type.Object(
  {
    origin: Origin,
    balancer: Type.Union([
      Type.Literal('p2c-ewma'),
      Type.Literal('least-request'),
      Type.Literal('round-robin'),
      Type.Literal('random'),
    ]),
    connectTimeoutMs: Milliseconds,
    requestTimeoutMs: Milliseconds,
    perTryTimeoutMs: Milliseconds,
    /** No octet in either direction for this long ends the exchange; 0: never. */
    streamIdleTimeoutMs: Milliseconds,
    retry: RetrySettings,
    retryBudget: Type.Object({ ratio: Ratio, minConcurrent: Type.Integer({ minimum: 0 }) }, closed),
    circuitBreaker: Type.Object(
      {
        /** Connections per endpoint. */
        maxConnections: Type.Integer({ minimum: 1 }),
        /** Exchanges in flight for the service. */
        maxRequests: Type.Integer({ minimum: 1 }),
        /** Exchanges waiting for a connection. */
        maxPending: Type.Integer({ minimum: 0 }),
      },
      closed,
    ),
    outlier: Type.Object(
      {
        /** 5xx answers in a row, or failures to get an answer, that eject an endpoint; 0: never. */
        consecutiveFailures: Type.Integer({ minimum: 0 }),
        baseEjectionMs: Milliseconds,
        maxEjectionMs: Milliseconds,
        /** Never more than this share of the endpoints is out. */
        maxEjectedRatio: Ratio,
      },
      closed,
    ),
  },
  closed,
)
export type TrafficSettings = Static<typeof TrafficSettings>

/** A service as its callers see it. */
export const ServiceResource = Type.Object(
  {
    kind: Type.Literal('Service'),
    name: QualifiedName,
    /** Hosts that mean this service, lower case, without port: `orders`, `orders.shop`, `orders.shop.svc.cluster.local`. */
    hostnames: Type.Array(Type.String()),
    virtualAddresses: Type.Array(Type.String()),
    ports: Type.Array(Type.Object({ port: Port, name: Type.Optional(Type.String()), protocol: Protocol }, closed)),
    /** In order of precedence. Never empty: without a manifest it holds the implicit rule to the service itself. */
    routes: Type.Array(RouteRule),
    traffic: TrafficSettings,
  },
  closed,
)
export type ServiceResource = Static<typeof ServiceResource>

/** One address of a service. */
export const Endpoint = Type.Object(
  {
    /** Unique in the mesh and stable as long as the instance lives: the workload's id and port. */
    id: Type.String({ minLength: 1 }),
    /** `namespace/name` of the workload. */
    workload: QualifiedName,
    address: Type.String({ minLength: 1 }),
    /** `mesh`: the mesh link of a sidecar at `port`; `plain`: an application without a sidecar. */
    transport: Type.Union([Type.Literal('mesh'), Type.Literal('plain')]),
    port: Port,
    /** The service's port that it answers for; absent: all of them. */
    servicePort: Type.Optional(Port),
    /** The application's port behind the sidecar. */
    appPort: Port,
    protocol: Protocol,
    /** The identity that the peer must prove; required for `mesh`. */
    identity: Type.Optional(SpiffeIdText),
    zone: Type.Optional(Type.String()),
    weight: Type.Integer({ minimum: 1, maximum: 65535 }),
    labels: Type.Record(Type.String(), Type.String()),
  },
  closed,
)
export type Endpoint = Static<typeof Endpoint>

/** The endpoints of one service. */
export const EndpointsResource = Type.Object(
  { kind: Type.Literal('Endpoints'), name: QualifiedName, endpoints: Type.Array(Endpoint) },
  closed,
)
export type EndpointsResource = Static<typeof EndpointsResource>

/** Who a rule means. All lists are ORed; a rule without sources means everybody, an empty list in a source means nobody. */
export const AuthorizationSource = Type.Object(
  {
    identities: Type.Optional(Type.Array(SpiffeIdText)),
    namespaces: Type.Optional(Type.Array(Type.String())),
    /** `namespace/serviceAccount`. */
    serviceAccounts: Type.Optional(Type.Array(Type.String())),
    cidrs: Type.Optional(Type.Array(Type.String())),
  },
  closed,
)
export type AuthorizationSource = Static<typeof AuthorizationSource>

export const AuthorizationRule = Type.Object(
  {
    rule: Type.Integer({ minimum: 0 }),
    /** Absent: everybody. */
    sources: Type.Optional(Type.Array(AuthorizationSource)),
    ports: Type.Array(Port),
    methods: Type.Array(Type.String()),
    hosts: Type.Array(TextMatch),
    paths: Type.Array(TextMatch),
    headers: Type.Array(NamedMatch),
  },
  closed,
)
export type AuthorizationRule = Static<typeof AuthorizationRule>

/** One policy that concerns this workload. A policy without rules matches nothing: ALLOW with no rules denies all. */
export const AuthorizationPolicy = Type.Object(
  {
    origin: Origin,
    action: Type.Union([Type.Literal('ALLOW'), Type.Literal('DENY'), Type.Literal('AUDIT')]),
    rules: Type.Array(AuthorizationRule),
  },
  closed,
)
export type AuthorizationPolicy = Static<typeof AuthorizationPolicy>

/** Server side of one workload: DENY first, then ALLOW; with any ALLOW policy the default is to deny. */
export const AuthorizationResource = Type.Object(
  {
    kind: Type.Literal('Authorization'),
    name: QualifiedName,
    /** What holds when no ALLOW policy concerns the workload. */
    defaultAction: Type.Union([Type.Literal('ALLOW'), Type.Literal('DENY')]),
    policies: Type.Array(AuthorizationPolicy),
  },
  closed,
)
export type AuthorizationResource = Static<typeof AuthorizationResource>

/** What a workload is, as the mesh knows it. */
export const WorkloadResource = Type.Object(
  {
    kind: Type.Literal('Workload'),
    name: QualifiedName,
    identity: SpiffeIdText,
    /** Services that it serves, and the application's ports behind them. */
    serves: Type.Array(Type.Object({ service: QualifiedName, port: Port, appPort: Port, protocol: Protocol }, closed)),
    /** Whether inbound traffic without mutual TLS is served (PeerAuthentication). */
    mtls: Type.Union([Type.Literal('STRICT'), Type.Literal('PERMISSIVE'), Type.Literal('DISABLE')]),
  },
  closed,
)
export type WorkloadResource = Static<typeof WorkloadResource>

/** The roots of the trust domain. An empty list makes every peer invalid (SPIFFE Trust Domain and Bundle §4). */
export const TrustResource = Type.Object(
  {
    kind: Type.Literal('Trust'),
    /** The trust domain. */
    name: Type.String({ pattern: '^[a-z0-9._-]{1,255}$' }),
    rootsPem: Type.Array(Type.String()),
    sequence: Type.Integer({ minimum: 0 }),
  },
  closed,
)
export type TrustResource = Static<typeof TrustResource>

/** What a sidecar reports, and where to. */
export const TelemetryResource = Type.Object(
  {
    kind: Type.Literal('Telemetry'),
    name: Type.Literal('mesh'),
    /** Share of the traces that begin here that are sampled. */
    samplingRatio: Ratio,
    /** Base URL of an OTLP/HTTP endpoint, `http://127.0.0.1:4318`; absent: nothing is exported. */
    otlpEndpoint: Type.Optional(Type.String()),
    accessLog: Type.Union([Type.Literal('off'), Type.Literal('errors'), Type.Literal('all')]),
  },
  closed,
)
export type TelemetryResource = Static<typeof TelemetryResource>

/** Everything that can be pushed. */
export const Resource = Type.Union([
  ServiceResource,
  EndpointsResource,
  AuthorizationResource,
  WorkloadResource,
  TrustResource,
  TelemetryResource,
])
export type Resource = Static<typeof Resource>
export type ResourceKind = Resource['kind']

/** `Service/shop/orders`: the name of a resource across kinds. */
export const resourceKey = (kind: ResourceKind, name: string): string => `${kind}/${name}`
