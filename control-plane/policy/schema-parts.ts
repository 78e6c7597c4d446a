import Type, { type TObject, type TProperties, type TSchema } from 'typebox'
import { DURATION_PATTERN } from '../../sidecar/core/duration.ts'

/*
 * The pieces that kinds are written with. Only what a structural CRD schema can say (no unions of types, no `$ref`), so
 * that the CRD is the same schema. Three keywords are ours and do not go into CRDs: `wanted` (what is allowed, in words),
 * `notYet` (a field that the specification has and that we refuse for now) and `notYetValues` (the same for a value).
 */

/** A mapping whose unknown fields are refused. */
export const fields = <P extends TProperties>(properties: P, description?: string): TObject<P> =>
  Type.Object(properties, { additionalProperties: false, ...(description === undefined ? {} : { description }) })

/** One of some words. `notYetValues`: words that the specification has, and what to say about them. */
export const oneOf = <const V extends readonly string[]>(
  values: V,
  options: { readonly description?: string; readonly notYetValues?: Readonly<Record<string, string>> } = {},
) => Type.Unsafe<V[number]>({ type: 'string', enum: [...values], ...options })

/** A field of the specification that is refused clearly instead of being ignored; `why` completes "not supported yet: …". */
export const notYet = (why: string) => Type.Optional(Type.Never({ notYet: why }))

/** Text that a pattern holds to; `wanted` says in words what is allowed. */
export const text = (pattern: string, wanted: string, maxLength: number, description?: string) =>
  Type.String({ pattern, maxLength, wanted, ...(description === undefined ? {} : { description }) })

/** `items`, at most `maxItems`. */
export const list = <S extends TSchema>(items: S, maxItems: number, minItems = 0) =>
  Type.Array(items, { maxItems, ...(minItems > 0 ? { minItems } : {}) })

/** Names to texts, as labels are. */
export const Labels = Type.Unsafe<Readonly<Record<string, string>>>({
  type: 'object',
  additionalProperties: { type: 'string', maxLength: 4096 },
})

/** RFC 1123 label: names of namespaces. */
export const DNS_LABEL_PATTERN = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'
/** RFC 1123 subdomain: names of objects. */
export const DNS_SUBDOMAIN_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'

/** Name of an object (RFC 1123 subdomain). */
export const ObjectName = text(
  DNS_SUBDOMAIN_PATTERN,
  'lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit, at most 253',
  253,
)

/** Name of a namespace, a service or a port (RFC 1123 label). */
export const LabelName = text(
  DNS_LABEL_PATTERN,
  'lower-case letters, digits and "-", beginning and ending with a letter or digit, at most 63',
  63,
)

/** A TCP port. */
export const Port = Type.Integer({ minimum: 1, maximum: 65535 })

/** GEP-2257. */
export const Duration = text(DURATION_PATTERN, 'a duration such as "500ms", "15s" or "1m30s" (GEP-2257)', 24)

/** RFC 9110 §5.1: a header field's name. */
export const FieldName = text("^[A-Za-z0-9!#$%&'*+\\-.^_`|~]+$", 'the name of a header field', 256)

/** RFC 9110 §5.5: what may stand in a header field; control characters would split the message. */
export const FieldValue = text(
  '^[\\t\\x20-\\x7e\\x80-\\xff]*$',
  'the value of a header field, without line breaks or other control characters',
  4096,
)

/** A host name, without port and wildcard. */
export const Hostname = text(DNS_SUBDOMAIN_PATTERN, 'a host name in lower case, without port', 253)

/** The methods that Gateway API knows. */
export const Method = oneOf(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

/** Pods by all of some labels; no labels: all pods of the namespace. */
export const Selector = fields({
  matchLabels: Type.Optional(Labels),
  matchExpressions: notYet('matchExpressions in selectors; use matchLabels'),
})
