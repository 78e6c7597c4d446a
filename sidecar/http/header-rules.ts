import { filterFields, listItems } from './fields.ts'
import { type Fields, NO_FIELDS } from './head.ts'

/** Bits of a rule about a field name. A name without a rule has 0. */
export const HeaderRule = {
  /** Ends at each hop: never in `Fields` (RFC 9110 §7.6.1), and in HTTP/2 a malformed message (RFC 9113 §8.2.2). `te` is treated apart. */
  hopByHop: 1,
  /** `Connection` may not nominate it: it carries routing, framing or identity. */
  keepWhenNominated: 2,
  /** Dropped from trailers: it frames, routes, authenticates or changes how the message is read (RFC 9110 §6.5.1). */
  notInTrailers: 4,
  /** A second one is a violation: implementations disagree on which counts. */
  onlyOnce: 8,
  /** The mesh's own word: removed where a request comes from outside of its trust (`stripMeshFields`). */
  meshOnly: 16,
} as const

const { hopByHop, keepWhenNominated, notInTrailers, onlyOnce, meshOnly } = HeaderRule
const control = keepWhenNominated | notInTrailers

/** The one table of what is special about a field name. All names are lower case. */
export const HEADER_RULES: ReadonlyMap<string, number> = new Map([
  ['connection', hopByHop | control],
  ['keep-alive', hopByHop | notInTrailers],
  ['proxy-connection', hopByHop | notInTrailers],
  ['transfer-encoding', hopByHop | control],
  ['upgrade', hopByHop | notInTrailers],
  ['http2-settings', hopByHop | notInTrailers],
  ['te', notInTrailers],
  ['trailer', notInTrailers],
  ['host', control | onlyOnce],
  ['content-length', control | onlyOnce],
  ['content-type', control],
  ['content-encoding', control],
  ['content-range', control],
  ['expect', control],
  ['max-forwards', control],
  ['cache-control', notInTrailers],
  ['range', notInTrailers],
  ['if-match', notInTrailers],
  ['if-none-match', notInTrailers],
  ['if-modified-since', notInTrailers],
  ['if-unmodified-since', notInTrailers],
  ['if-range', notInTrailers],
  ['location', notInTrailers],
  ['authorization', control],
  ['proxy-authorization', control],
  ['proxy-authenticate', control],
  ['www-authenticate', control],
  ['cookie', control],
  ['set-cookie', control],
  ['forwarded', control],
  ['via', control],
  ['traceparent', control],
  ['tracestate', control],
  ['x-request-id', control],
  ['x-forwarded-for', control],
  ['x-forwarded-host', control],
  ['x-forwarded-proto', control],
  ['x-forwarded-client-cert', control | meshOnly],
])

/**
 * On a link: the application answered a request for an upgrade with a success that is none (200 and not 101). Extended
 * CONNECT has no word for it (RFC 8441 §5): there, 200 is the switch.
 */
export const UPGRADE_DECLINED = 'x-outrigger-upgrade'

/** On a link: the port of the application that is meant. */
export const PORT_FIELD = 'x-outrigger-port'

/** Counts the sidecars that a request has passed. */
export const HOPS_FIELD = 'x-outrigger-hops'

/** Tries before this one: whoever tried already is not doubled by another sidecar. */
export const ATTEMPT_FIELD = 'x-mesh-attempt'

/** Code of the error that the mesh answers with. */
export const ERROR_FIELD = 'x-outrigger-error'

/** On a link: the caller speaks HTTP/2, and so may an application that did not say what it speaks; absent for HTTP/1. */
export const CALLER_WIRE = 'x-outrigger-wire'

/** Names that begin so are the mesh's own, ours and others'. */
const MESH_PREFIXES = ['x-mesh-', 'x-outrigger-', 'l5d-']

/** The rule bits of `name` (lower case). */
export function headerRule(name: string): number {
  const rule = HEADER_RULES.get(name)
  if (rule !== undefined) return rule
  for (const prefix of MESH_PREFIXES) if (name.startsWith(prefix)) return control | meshOnly
  if (!ODD.test(name)) return 0
  const folded = headerRule(name.replace(EVERY_ODD, '-'))
  return (folded & meshOnly) !== 0 ? folded : 0
}

/**
 * CGI and what followed it (WSGI, Rack, PHP) make one variable of `x-own` and `x_own`, some of `x.own`, too: a name that an
 * application may read as the mesh's own is the mesh's own.
 */
const ODD = /[^a-z0-9-]/
const EVERY_ODD = /[^a-z0-9-]/g

/** Trailers that may be passed on: without what frames, routes or authenticates. Never merge the rest into a head (RFC 9110 §6.5.1). */
export function cleanTrailers(trailers: Fields): Fields {
  if (trailers.length === 0) return NO_FIELDS
  return filterFields(trailers, (name) => (headerRule(name) & (notInTrailers | hopByHop)) === 0)
}

const LETTER_X = 0x78
const LETTER_L = 0x6c

/** Removes what only the mesh may say, where a request comes from an application or a stranger (CVE class: forged identity). */
export function stripMeshFields(fields: Fields): Fields {
  for (let i = 0; i < fields.length; i += 2) {
    const first = (fields[i] as string).charCodeAt(0)
    if (first !== LETTER_X && first !== LETTER_L) continue // all that are the mesh's begin so
    if ((headerRule(fields[i] as string) & meshOnly) !== 0) {
      return filterFields(fields, (name) => (headerRule(name) & meshOnly) === 0)
    }
  }
  return fields
}

/**
 * Removes the fields that `Connection` nominated (RFC 9110 §7.6.1), except those that a peer could abuse the rule on:
 * a nominated identity or framing field stays.
 * @param nominated the values of all `Connection` fields, joined by commas
 */
export function withoutNominated(fields: Fields, nominated: string): Fields {
  const names = new Set<string>()
  for (const name of listItems(nominated)) if ((headerRule(name) & keepWhenNominated) === 0) names.add(name)
  for (let i = 0; i < fields.length; i += 2) {
    if (names.has(fields[i] as string)) return filterFields(fields, (name) => !names.has(name))
  }
  return fields
}
