import Type, { type Static } from 'typebox'

/** Unknown fields are refused. */
export const closed = { additionalProperties: false } as const
/** `namespace/name` of a service, or of a workload. */
export const QualifiedName = Type.String({
  pattern: '^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$',
})
/** A SPIFFE ID in its one spelling. */
export const SpiffeIdText = Type.String({ pattern: '^spiffe://[a-z0-9._-]+(/[a-zA-Z0-9._-]+)+$', maxLength: 2048 })
/** A TCP port. */
export const Port = Type.Integer({ minimum: 1, maximum: 65535 })
/** A length of time, ms. */
export const Milliseconds = Type.Integer({ minimum: 0 })
/** A share, 0 to 1. */
export const Ratio = Type.Number({ minimum: 0, maximum: 1 })

/** How a service's port speaks; `auto`: nobody said, the first octets of each connection do. */
export const Protocol = Type.Union([
  Type.Literal('auto'),
  Type.Literal('http'),
  Type.Literal('http2'),
  Type.Literal('grpc'),
  Type.Literal('tcp'),
])
export type Protocol = Static<typeof Protocol>
/** What a port turned out to speak, or was said to. */
export type SpokenProtocol = Exclude<Protocol, 'auto'>

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
