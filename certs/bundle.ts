import { toCertificatePem } from './certificate.ts'
import { type Certificate, readCertificate, readCertificatesPem } from './read-certificate.ts'
import { err, ok, type Result } from './result.ts'
import { parseTrustDomain } from './spiffe-id.ts'

/** The roots of one trust domain. Without roots, no certificate of the domain is valid (SPIFFE Trust Domain and Bundle §4). */
export interface TrustBundle {
  readonly trustDomain: string
  /** Grows with every change of the roots; an older one must never replace a newer. */
  readonly sequence: number
  readonly roots: readonly Certificate[]
}

/** More roots than any rotation needs; each costs time at every handshake. */
const MAX_ROOTS = 32

/** A bundle of these roots, or what is wrong with one of them: every root is a CA that may sign certificates. */
export function createBundle(
  trustDomain: string,
  sequence: number,
  roots: readonly Certificate[],
): Result<TrustBundle, string> {
  const name = parseTrustDomain(trustDomain)
  if (!name.ok) return name
  if (!Number.isSafeInteger(sequence) || sequence < 0) return err(`the sequence ${sequence} is not a count`)
  if (roots.length > MAX_ROOTS) return err(`${roots.length} roots are more than ${MAX_ROOTS}`)
  const unique = new Map<string, Certificate>()
  for (const root of roots) {
    if (!root.isCa || root.keyUsage?.has('keyCertSign') !== true)
      return err('a root is not a certificate that may sign others')
    unique.set(root.der.toString('latin1'), root)
  }
  return ok({ trustDomain, sequence, roots: [...unique.values()] })
}

/** A bundle from PEM texts, each with one root or more; no text: a bundle without roots. */
export function bundleFromPem(
  trustDomain: string,
  sequence: number,
  rootsPem: readonly string[],
): Result<TrustBundle, string> {
  const roots: Certificate[] = []
  for (const pem of rootsPem) {
    const read = readCertificatesPem(pem)
    if (!read.ok) return err(`a root is not readable: ${read.error}`)
    roots.push(...read.value)
  }
  return createBundle(trustDomain, sequence, roots)
}

/** The roots as PEM, one text each. */
export const rootsPemOf = (bundle: TrustBundle): readonly string[] => bundle.roots.map(toCertificatePem)

/** Whether two bundles have the same roots, in any order. */
export function hasSameRoots(left: TrustBundle, right: TrustBundle): boolean {
  const known = new Set(left.roots.map((root) => root.der.toString('latin1')))
  return left.roots.length === right.roots.length && right.roots.every((root) => known.has(root.der.toString('latin1')))
}

/**
 * The bundle to use after `offered` arrived: the one that is in use already if nothing changed, the offered one if it is
 * newer, else an error. The same sequence with other roots is an error too: one of the two is not what was published.
 */
export function newerBundle(current: TrustBundle | undefined, offered: TrustBundle): Result<TrustBundle, string> {
  if (current === undefined) return ok(offered)
  if (offered.trustDomain !== current.trustDomain) {
    return err(`the bundle is for trust domain "${offered.trustDomain}", not "${current.trustDomain}"`)
  }
  if (offered.sequence > current.sequence) return ok(offered)
  if (offered.sequence < current.sequence) {
    return err(`the bundle has sequence ${offered.sequence}, which is older than ${current.sequence}`)
  }
  return hasSameRoots(current, offered) ? ok(current) : err(`two bundles of sequence ${current.sequence} differ`)
}

/**
 * A SPIFFE bundle document (JWK Set; X509-SVID §6.1, SPIFFE Trust Domain and Bundle §4.1): one entry for each root, with
 * `use`, `x5c` and no `kid`. `refreshSeconds` is how often readers should ask again.
 */
export function writeBundleJson(bundle: TrustBundle, refreshSeconds = 300): string {
  const keys = bundle.roots.map((root) => ({
    ...root.publicKey.export({ format: 'jwk' }),
    use: 'x509-svid',
    x5c: [root.der.toString('base64')],
  }))
  return JSON.stringify({ keys, spiffe_sequence: bundle.sequence, spiffe_refresh_hint: refreshSeconds })
}

/**
 * Reads a SPIFFE bundle document for a trust domain (X509-SVID §6.2). Entries for other uses and entries without `x5c`
 * are passed over, and of several certificates in one entry all but the first. Without a sequence it is 0.
 */
export function readBundleJson(text: string, trustDomain: string): Result<TrustBundle, string> {
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch {
    return err('the bundle is not JSON')
  }
  if (!isObject(document) || !Array.isArray(document['keys'])) return err('the bundle has no list "keys"')
  const sequence = document['spiffe_sequence'] ?? 0
  if (typeof sequence !== 'number') return err('"spiffe_sequence" is not a number')
  const roots: Certificate[] = []
  for (const key of document['keys'] as unknown[]) {
    const first = isObject(key) && key['use'] === 'x509-svid' && Array.isArray(key['x5c']) ? key['x5c'][0] : undefined
    if (first === undefined) continue
    if (typeof first !== 'string') return err('an "x5c" is not a list of strings')
    const root = readCertificate(Buffer.from(first, 'base64'))
    if (!root.ok) return err(`a root is not readable: ${root.error}`)
    roots.push(root.value)
  }
  return createBundle(trustDomain, sequence, roots)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
