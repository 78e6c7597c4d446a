import type { TrustBundle } from './bundle.ts'
import { OID } from './oids.ts'
import { type Certificate, readCertificate } from './read-certificate.ts'
import { type Refusal, type RefusalReason, refusal } from './refusal.ts'
import { err, ok, type Result } from './result.ts'
import { checkSignature, isStrongKey } from './signature.ts'
import { parseSpiffeId, type SpiffeId } from './spiffe-id.ts'

/** Who a verified chain proves its holder to be, and for how long. */
export interface VerifiedChain {
  readonly id: SpiffeId
  /** The first moment at which a certificate of the chain, root included, is over: wall-clock ms. */
  readonly notAfterMs: number
}

/** More certificates than any chain of a mesh has; each costs a parse, and ways through them grow with the factorial. */
const MAX_CERTIFICATES = 5
/** Ways from the leaf to a root that are tried. Cross-signing makes a few; a peer can make many. */
const MAX_PATHS = 8

/**
 * Verifies an X.509-SVID: the chain `der` (leaf first, then signing certificates in any order; a root among them is not
 * believed for that) against the roots of its trust domain, at `wallMs`.
 *
 * Source: X509-SVID §5, RFC 5280 §6. Each way to be wrong has its own reason (`refusal.ts`). Revocation lists and name
 * constraints are not supported: critical name constraints are refused as an extension that we do not understand.
 * Signatures are checked from the root down, so that no key is used before it is itself believed.
 * Never throws for what a peer can send. Two signature checks, about 0.3 ms in all, for leaf and issuing certificate.
 */
export function verifyChain(
  der: readonly Buffer[],
  bundle: TrustBundle,
  wallMs: number,
): Result<VerifiedChain, Refusal> {
  if (der.length > MAX_CERTIFICATES) return refuse('long-chain', String(der.length))
  const certificates: Certificate[] = []
  for (const [i, octets] of der.entries()) {
    const read = readCertificate(octets)
    if (!read.ok) return refuse('malformed', `${i + 1} is malformed: ${read.error}`)
    certificates.push(read.value)
  }
  const [leaf, ...intermediates] = certificates
  if (leaf === undefined) return refuse('empty-chain')
  if (bundle.roots.length === 0) return refuse('empty-bundle', `"${bundle.trustDomain}"`)
  const id = checkLeaf(leaf, bundle.trustDomain, wallMs)
  if (!id.ok) return id
  const path = findPath(leaf, intermediates, bundle.roots, wallMs)
  if (!path.ok) return path
  return ok({ id: id.value, notAfterMs: Math.min(...path.value.map((certificate) => certificate.notAfterMs)) })
}

const refuse = (reason: RefusalReason, found?: string): Result<never, Refusal> => err(refusal(reason, found))
const day = (wallMs: number): string => new Date(wallMs).toISOString()

/** What a leaf must be by itself, whoever signed it (X509-SVID §4 and §5.2). */
function checkLeaf(leaf: Certificate, trustDomain: string, wallMs: number): Result<SpiffeId, Refusal> {
  const [uri] = leaf.uriNames
  if (uri === undefined) return refuse('no-uri')
  if (leaf.uriNames.length > 1) return refuse('many-uris', String(leaf.uriNames.length))
  const id = parseSpiffeId(uri)
  if (!id.ok) return refuse('not-spiffe', id.error)
  if (id.value.trustDomain !== trustDomain) return refuse('wrong-trust-domain', id.value.text)
  if (leaf.isCa) return refuse('ca-leaf')
  if (id.value.path === '') return refuse('no-path', id.value.text)
  const usage = leaf.keyUsage
  if (usage?.has('keyCertSign') || usage?.has('cRLSign')) return refuse('signing-leaf')
  if (usage?.has('digitalSignature') !== true) return refuse('wrong-key-usage')
  const purposes = leaf.extendedKeyUsage
  if (purposes !== undefined && !(purposes.includes(OID.serverAuth) && purposes.includes(OID.clientAuth))) {
    return refuse('wrong-extended-usage')
  }
  const [critical] = leaf.unknownCritical
  if (critical !== undefined) return refuse('unknown-critical', critical)
  if (wallMs < leaf.notBeforeMs) return refuse('not-yet-valid', day(leaf.notBeforeMs))
  if (wallMs > leaf.notAfterMs) return refuse('expired', day(leaf.notAfterMs))
  return isStrongKey(leaf.publicKey) ? id : refuse('weak-key')
}

/** A way from the leaf to a root in which everything is right; else what was wrong with the first way found. */
function findPath(
  leaf: Certificate,
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
  wallMs: number,
): Result<readonly Certificate[], Refusal> {
  let first: Refusal | undefined
  let tried = 0
  for (const path of pathsFrom([leaf], intermediates, roots)) {
    const wrong = findPathProblem(path, wallMs)
    if (wrong === undefined) return ok(path)
    first ??= wrong
    if (++tried === MAX_PATHS) break
  }
  return err(first ?? refusal('unknown-issuer'))
}

/** Every way from the end of `path` to a root that names and key identifiers allow, the shortest ones first at each step. */
function* pathsFrom(
  path: readonly Certificate[],
  intermediates: readonly Certificate[],
  roots: readonly Certificate[],
): Generator<readonly Certificate[]> {
  const last = path[path.length - 1]
  if (last === undefined) return
  for (const root of roots) if (mayHaveIssued(root, last)) yield [...path, root]
  for (const next of intermediates) {
    if (mayHaveIssued(next, last) && !path.includes(next)) yield* pathsFrom([...path, next], intermediates, roots)
  }
}

function mayHaveIssued(issuer: Certificate, subject: Certificate): boolean {
  const keyMatches =
    issuer.subjectKeyId === undefined ||
    subject.authorityKeyId === undefined ||
    issuer.subjectKeyId === subject.authorityKeyId
  return keyMatches && issuer.subjectName.equals(subject.issuerName)
}

/** RFC 5280 §6.1, from the root down to the leaf. */
function findPathProblem(path: readonly Certificate[], wallMs: number): Refusal | undefined {
  for (let i = path.length - 1; i > 0; i--) {
    const issuer = path[i]
    const subject = path[i - 1]
    if (issuer === undefined || subject === undefined) continue
    const wrong = findIssuerProblem(issuer, i - 1, wallMs)
    if (wrong !== undefined) return wrong
    const check = checkSignature(issuer.publicKey, {
      bytes: subject.signedBytes,
      algorithm: subject.signatureAlgorithm,
      signature: subject.signature,
    })
    if (check !== 'good') return refusal(check === 'weak' ? 'weak-key' : 'bad-signature')
  }
  return undefined
}

/** What a signing certificate must be; `following` is how many signing certificates stand between it and the leaf. */
function findIssuerProblem(issuer: Certificate, following: number, wallMs: number): Refusal | undefined {
  if (!issuer.isCa || issuer.keyUsage?.has('keyCertSign') !== true) return refusal('issuer-not-ca')
  if (issuer.pathLength !== undefined && following > issuer.pathLength) return refusal('path-too-long')
  const [critical] = issuer.unknownCritical
  if (critical !== undefined) return refusal('unknown-critical', critical)
  for (const uri of issuer.uriNames) {
    const id = parseSpiffeId(uri)
    if (id.ok && id.value.path !== '') return refusal('issuer-has-path', id.value.text)
  }
  if (wallMs < issuer.notBeforeMs) return refusal('issuer-not-yet-valid', day(issuer.notBeforeMs))
  if (wallMs > issuer.notAfterMs) return refusal('issuer-expired', day(issuer.notAfterMs))
  return undefined
}
