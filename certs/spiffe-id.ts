import { err, ok, type Result } from './result.ts'

/** An identity, checked and in its one spelling. Compare by `text`: scheme and trust domain are in lower case. */
export interface SpiffeId {
  /** `mesh.example`. */
  readonly trustDomain: string
  /** `/ns/shop/sa/web`; empty for the id of a trust domain itself, which only signing certificates may have. */
  readonly path: string
  /** `spiffe://mesh.example/ns/shop/sa/web`. */
  readonly text: string
}

/** Implementations must take ids up to this length, and should not make longer ones (SPIFFE-ID §2.3). */
export const MAX_SPIFFE_ID_BYTES = 2048
/** A trust domain is the `host` of a URI: at most 255 octets (SPIFFE-ID §2.3). */
const MAX_TRUST_DOMAIN_BYTES = 255

const SCHEME = 'spiffe://'
const ASCII = /^[\x20-\x7e]*$/
const TRUST_DOMAIN = /^[a-z0-9._-]+$/
const SEGMENT = /^[a-zA-Z0-9._-]+$/

/**
 * The identity that `text` spells, or what is wrong with it as the end of a sentence.
 *
 * Source: SPIFFE-ID §2. Scheme and trust domain are taken in any case and kept in lower case; the path is kept as it is.
 * Refused: another scheme, no trust domain, user information, a port, percent-encoding, a query, a fragment, characters
 * outside `[a-zA-Z0-9._-]`, empty, `.` and `..` segments, a `/` at the end, more than 2,048 octets.
 */
export function parseSpiffeId(text: string): Result<SpiffeId, string> {
  if (text.length > MAX_SPIFFE_ID_BYTES) return err(`it is longer than ${MAX_SPIFFE_ID_BYTES} octets`)
  // toLowerCase turns the Kelvin sign into k: outside ASCII there is nothing to fold
  if (!ASCII.test(text)) return err('it has characters outside printable ASCII')
  if (text.slice(0, SCHEME.length).toLowerCase() !== SCHEME) return err(`it does not begin with "${SCHEME}"`)
  const slash = text.indexOf('/', SCHEME.length)
  const trustDomain = parseTrustDomain(text.slice(SCHEME.length, slash === -1 ? undefined : slash).toLowerCase())
  if (!trustDomain.ok) return trustDomain
  const path = slash === -1 ? '' : text.slice(slash)
  const problem = findPathProblem(path)
  return problem === undefined ? ok(spiffeId(trustDomain.value, path)) : err(problem)
}

/** The trust domain that `text` spells, in lower case already, or what is wrong with it. */
export function parseTrustDomain(text: string): Result<string, string> {
  if (text === '') return err('the trust domain is empty')
  if (text.length > MAX_TRUST_DOMAIN_BYTES)
    return err(`the trust domain is longer than ${MAX_TRUST_DOMAIN_BYTES} octets`)
  if (!TRUST_DOMAIN.test(text)) return err('the trust domain has characters other than a-z, 0-9, ".", "-" and "_"')
  return ok(text)
}

function findPathProblem(path: string): string | undefined {
  if (path === '') return undefined
  for (const segment of path.slice(1).split('/')) {
    if (segment === '') return 'its path has an empty segment or ends with "/"'
    if (segment === '.' || segment === '..') return `its path has a "${segment}" segment`
    if (!SEGMENT.test(segment)) return 'its path has characters other than a-z, A-Z, 0-9, ".", "-" and "_"'
  }
  return undefined
}

const spiffeId = (trustDomain: string, path: string): SpiffeId => ({
  trustDomain,
  path,
  text: `${SCHEME}${trustDomain}${path}`,
})

/** The id of a trust domain itself, which its signing certificates carry: no path (X509-SVID §3.2). */
export function trustDomainId(trustDomain: string): Result<SpiffeId, string> {
  return parseSpiffeId(`${SCHEME}${trustDomain}`)
}

/** Who a workload is: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export function workloadId(trustDomain: string, namespace: string, serviceAccount: string): Result<SpiffeId, string> {
  for (const [what, name] of [
    ['namespace', namespace],
    ['service account', serviceAccount],
  ] as const) {
    if (name.includes('/')) return err(`the ${what} has a "/"`)
  }
  return parseSpiffeId(`${SCHEME}${trustDomain}/ns/${namespace}/sa/${serviceAccount}`)
}

/** Namespace and service account of a workload's identity, or undefined when the path has another shape. */
export function findWorkload(
  id: SpiffeId,
): { readonly namespace: string; readonly serviceAccount: string } | undefined {
  const found = /^\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(id.path)
  const [, namespace, serviceAccount] = found ?? []
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount }
}

/** The control plane's own identity, which sidecars expect at the other end of the control channel and which no token can ask for. */
export const controlPlaneId = (trustDomain: string): Result<SpiffeId, string> =>
  workloadId(trustDomain, 'outrigger-system', 'control-plane')
