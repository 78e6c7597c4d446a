import Type, { type Static } from 'typebox'
import { closed, NamedMatch, Origin, Port, SpiffeIdText, TextMatch } from './resource-parts.ts'

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
