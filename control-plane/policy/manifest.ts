import { type AuthorizationPolicySpec, authorizationPolicyKind } from './authorization-policy.ts'
import { type HTTPRouteSpec, httpRouteKind } from './http-route.ts'
import type { KindDefinition } from './kind-definition.ts'
import { type MeshConfigSpec, meshConfigKind } from './mesh-config.ts'
import { type PeerAuthenticationSpec, peerAuthenticationKind } from './peer-authentication.ts'
import { type ServiceSpec, serviceKind } from './service.ts'
import { type TrafficPolicySpec, trafficPolicyKind } from './traffic-policy.ts'

/** The part of an object's metadata that means something to the mesh. */
export interface Metadata {
  readonly name: string
  /** Empty for kinds of the whole mesh (`MeshConfig`). */
  readonly namespace: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** RFC 3339; set by who stores the manifest. Older routes win ties; absent counts as newest. */
  readonly creationTimestamp?: string
  /** Counts changes of `spec`; set by who stores the manifest. */
  readonly generation?: number
}

interface ManifestOf<K extends string, S> {
  readonly apiVersion: string
  readonly kind: K
  readonly metadata: Metadata
  readonly spec: S
}

export type ServiceManifest = ManifestOf<'Service', ServiceSpec>
export type HTTPRouteManifest = ManifestOf<'HTTPRoute', HTTPRouteSpec>
export type AuthorizationPolicyManifest = ManifestOf<'AuthorizationPolicy', AuthorizationPolicySpec>
export type PeerAuthenticationManifest = ManifestOf<'PeerAuthentication', PeerAuthenticationSpec>
export type TrafficPolicyManifest = ManifestOf<'TrafficPolicy', TrafficPolicySpec>
export type MeshConfigManifest = ManifestOf<'MeshConfig', MeshConfigSpec>

/** Intent: what a person wants. A plain JSON value: it can be stored and sent as it is. */
export type Manifest =
  | ServiceManifest
  | HTTPRouteManifest
  | AuthorizationPolicyManifest
  | PeerAuthenticationManifest
  | TrafficPolicyManifest
  | MeshConfigManifest
export type ManifestKind = Manifest['kind']

/** All kinds that a manifest can have. */
export const KINDS = {
  Service: serviceKind,
  HTTPRoute: httpRouteKind,
  AuthorizationPolicy: authorizationPolicyKind,
  PeerAuthentication: peerAuthenticationKind,
  TrafficPolicy: trafficPolicyKind,
  MeshConfig: meshConfigKind,
} as const satisfies Record<ManifestKind, KindDefinition>

/** Names one manifest among all: kind, namespace (empty for kinds of the whole mesh) and name. */
export interface ManifestRef {
  readonly kind: ManifestKind
  readonly namespace: string
  readonly name: string
}

/** The reference to a manifest. */
export const refOf = ({ kind, metadata }: Manifest): ManifestRef => ({
  kind,
  namespace: metadata.namespace,
  name: metadata.name,
})

/** `HTTPRoute/shop/orders`, `MeshConfig/mesh`: unique, and fit for a key of the registry. */
export const manifestKey = ({ kind, namespace, name }: ManifestRef): string =>
  namespace === '' ? `${kind}/${name}` : `${kind}/${namespace}/${name}`

/** `HTTPRoute shop/orders`: how messages name a manifest. */
export const nameOf = ({ kind, metadata }: Manifest): string =>
  metadata.namespace === '' ? `${kind} ${metadata.name}` : `${kind} ${metadata.namespace}/${metadata.name}`

/** Whether text is the name of a kind. */
export const isManifestKind = (kind: string): kind is ManifestKind => Object.hasOwn(KINDS, kind)

/** Order of age, the oldest first, as Gateway API breaks ties: creation time, then `namespace/name`. */
export function byAge(a: Manifest, b: Manifest): number {
  const aTime = Date.parse(a.metadata.creationTimestamp ?? '')
  const bTime = Date.parse(b.metadata.creationTimestamp ?? '')
  const aRank = Number.isNaN(aTime) ? Number.MAX_VALUE : aTime
  const bRank = Number.isNaN(bTime) ? Number.MAX_VALUE : bTime
  if (aRank !== bRank) return aRank - bRank
  const aName = `${a.metadata.namespace}/${a.metadata.name}`
  const bName = `${b.metadata.namespace}/${b.metadata.name}`
  return aName < bName ? -1 : aName > bName ? 1 : 0
}
