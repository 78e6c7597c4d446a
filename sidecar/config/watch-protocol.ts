import Type, { type Static } from 'typebox'
import { Protocol } from './resource-parts.ts'
import { Resource } from './resources.ts'

/*
 * The stream between a sidecar and the control plane: one HTTP/2 exchange `POST /v1/watch` under mutual TLS on port 15010.
 * Each direction is newline-delimited JSON. Versions are hashes of the resource's content, so that any replica can
 * resume what another began: the sidecar says which version it holds, and only what differs is sent.
 */

const closed = { additionalProperties: false } as const
const Kind = Type.Union([
  Type.Literal('Service'),
  Type.Literal('Endpoints'),
  Type.Literal('Authorization'),
  Type.Literal('Workload'),
  Type.Literal('Trust'),
  Type.Literal('Telemetry'),
])

/**
 * `namespace/name` of a service or a workload: the namespace is a label (RFC 1123), the name a label or several with dots
 * between. Everything that a sidecar can name is short: what it says is kept in maps for as long as it is connected.
 */
export const QUALIFIED_NAME = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$'
const QualifiedName = Type.String({ pattern: QUALIFIED_NAME, maxLength: 317 })
/** What a resource may be called: of services `namespace/name`; a trust domain, or a word. */
const ResourceName = Type.String({ minLength: 1, maxLength: 317 })
/** A hash of content, or a word. */
const Version = Type.String({ maxLength: 64 })
/** An IPv4 or IPv6 address, or a host name. */
const HOST = '^([A-Za-z0-9_]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9_.])?|[0-9a-fA-F:.]{2,45})$'
/** A name as Kubernetes has it, perhaps with a prefix. */
const LABEL_NAME = '^[A-Za-z0-9]([-A-Za-z0-9._/]{0,315}[A-Za-z0-9])?$'

/** One instance that a sidecar speaks for: what the control plane registers, as long as the stream lives. */
export const Registration = Type.Object(
  {
    /** Service it serves, `namespace/name`. */
    service: QualifiedName,
    /** The service's port, by which callers address it. */
    port: Type.Integer({ minimum: 1, maximum: 65535 }),
    /** The application's port behind the sidecar. */
    appPort: Type.Integer({ minimum: 1, maximum: 65535 }),
    protocol: Protocol,
    /** Where the mesh link is reached. */
    address: Type.String({ pattern: HOST, maxLength: 253 }),
    meshPort: Type.Integer({ minimum: 1, maximum: 65535 }),
    labels: Type.Record(
      Type.String({ pattern: LABEL_NAME }),
      Type.String({ pattern: '^[^\\x00-\\x1f\\x7f]*$', maxLength: 512 }),
      { maxProperties: 48, additionalProperties: false },
    ),
  },
  closed,
)
export type Registration = Static<typeof Registration>

/** Sidecar → control plane. The first message is `hello`. */
export const WatchRequest = Type.Union([
  /** Who is calling. `workload` is `namespace/name`, its namespace and the service account those of the certificate. */
  Type.Object(
    {
      type: Type.Literal('hello'),
      workload: QualifiedName,
      /** Of the sidecar's program. */
      version: Type.String({ pattern: '^[\\x20-\\x7e]*$', maxLength: 64 }),
      serves: Type.Array(Registration, { maxItems: 64 }),
    },
    closed,
  ),
  /** Asks for a resource; `version` is what is held already. Workload, Authorization, Trust and Telemetry come without asking. */
  Type.Object(
    { type: Type.Literal('subscribe'), kind: Kind, name: ResourceName, version: Type.Optional(Version) },
    closed,
  ),
  Type.Object({ type: Type.Literal('unsubscribe'), kind: Kind, name: ResourceName }, closed),
  Type.Object({ type: Type.Literal('ack'), kind: Kind, name: ResourceName, version: Version }, closed),
  /** The resource was refused, and the earlier version goes on serving. */
  Type.Object(
    { type: Type.Literal('nack'), kind: Kind, name: ResourceName, version: Version, reason: Type.String() },
    closed,
  ),
  /** The workload takes or takes no more traffic: it is draining, or its application is not up. */
  Type.Object({ type: Type.Literal('health'), ready: Type.Boolean() }, closed),
  Type.Object({ type: Type.Literal('pong') }, closed),
])
export type WatchRequest = Static<typeof WatchRequest>

/** Control plane → sidecar. */
export const WatchEvent = Type.Union([
  Type.Object(
    { type: Type.Literal('put'), kind: Kind, name: Type.String(), version: Type.String(), resource: Resource },
    closed,
  ),
  /** The resource does not exist (any more). */
  Type.Object({ type: Type.Literal('delete'), kind: Kind, name: Type.String(), version: Type.String() }, closed),
  /** Everything asked for so far has been answered. */
  Type.Object({ type: Type.Literal('synced') }, closed),
  /** Keep-alive; answered with `pong`. */
  Type.Object({ type: Type.Literal('ping') }, closed),
])
export type WatchEvent = Static<typeof WatchEvent>

/** `POST /v1/sign`: a certificate signing request, authenticated by a join token (`authorization: Bearer …`) or by the current certificate. */
export const SignRequest = Type.Object(
  {
    csrPem: Type.String({ maxLength: 16_384 }),
    /** Wanted identity, used with a join token; with a certificate it must be the certificate's. */
    identity: Type.String({ maxLength: 2048 }),
  },
  closed,
)
export type SignRequest = Static<typeof SignRequest>

export const SignResponse = Type.Object(
  {
    /** Leaf first, then the issuing certificates. */
    chainPem: Type.Array(Type.String()),
    rootsPem: Type.Array(Type.String()),
  },
  closed,
)
export type SignResponse = Static<typeof SignResponse>
