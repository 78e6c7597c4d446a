import Type, { type Static } from 'typebox'
import { AuthorizationPolicy } from './authorization-policy.ts'
import { closed, Port, Protocol, QualifiedName, Ratio, SpiffeIdText } from './resource-parts.ts'
import { RouteRule } from './route-rule.ts'
import { TrafficSettings } from './traffic-settings.ts'

/*
 * THE CONTRACT: everything that a control plane can tell a sidecar. Flat, compiled, with all defaults filled in:
 * a sidecar looks things up and never interprets policy. Durations are milliseconds; 0 means "none" where it says so.
 * Unknown fields are refused: a newer control plane's policy must never be half understood (CVE-2022-21679).
 */

export { AuthorizationPolicy, AuthorizationRule, AuthorizationSource } from './authorization-policy.ts'
export { NamedMatch, Origin, Protocol, type SpokenProtocol, TextMatch } from './resource-parts.ts'
export { HeadEdits, RetrySettings, RouteBackend, RouteFilters, RouteMatch, RouteRule } from './route-rule.ts'
export { TrafficSettings } from './traffic-settings.ts'

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
    mtls: Type.Union([Type.Literal('STRICT'), Type.Literal('PERMISSIVE')]),
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
