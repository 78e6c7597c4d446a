import assert from 'node:assert/strict'
import { type KeyObject, randomBytes, sign } from 'node:crypto'
import {
  type Asn1,
  bitString,
  contextConstructed,
  embedded,
  oid,
  sequence,
  setOfOne,
  smallInteger,
  time,
  toDer,
  unsignedInteger,
  utf8String,
} from './der-writer.ts'
import { type KeyPair, toSpki } from './key-pair.ts'
import { OID } from './oids.ts'
import { toPem } from './pem.ts'
import { type Certificate, readCertificate } from './read-certificate.ts'
import type { SpiffeId } from './spiffe-id.ts'
import {
  authorityKeyIdentifier,
  basicConstraints,
  keyIdOf,
  keyUsage,
  serverAndClientAuth,
  subjectKeyIdentifier,
  uriNames,
} from './write-extensions.ts'

/** Certificates are valid from a little before they are made: clocks of one mesh differ by that much. */
export const CLOCK_SKEW_MS = 5 * 60_000

/** How long a certificate is to live, and what time it is. */
export interface Term {
  /** Wall-clock ms at which the certificate is made. */
  readonly wallMs: number
  /** From `wallMs` to `notAfter`; a certificate never outlives its issuer's. */
  readonly lifetimeMs: number
}

/** A signing certificate with its private key. */
export interface Issuer {
  readonly certificate: Certificate
  readonly privateKey: KeyObject
}

/** A root of a trust domain, signed by itself: cA, keyCertSign, and the trust domain's own SPIFFE ID, which has no path. */
export function issueRoot(pair: KeyPair, id: SpiffeId, term: Term): Certificate {
  assert(id.path === '', 'a signing certificate has an id without a path (X509-SVID §3.2)')
  const keyId = keyIdOf(pair.publicKey)
  const name = commonName(`Outrigger root ${keyId.toString('hex', 0, 4)}`)
  return build({
    publicKey: pair.publicKey,
    subject: name,
    issuer: name,
    term,
    latestMs: Number.POSITIVE_INFINITY,
    signingKey: pair.privateKey,
    extensions: [
      basicConstraints(true),
      keyUsage(['keyCertSign', 'cRLSign']),
      subjectKeyIdentifier(keyId),
      uriNames([id.text], false),
    ],
  })
}

/** The certificate that signs leaves: like a root, but signed by one, and no signing certificate may follow it. */
export function issueIssuing(publicKey: KeyObject, id: SpiffeId, issuer: Issuer, term: Term): Certificate {
  assert(id.path === '', 'a signing certificate has an id without a path (X509-SVID §3.2)')
  const keyId = keyIdOf(publicKey)
  return build({
    publicKey,
    subject: commonName(`Outrigger issuing ${keyId.toString('hex', 0, 4)}`),
    ...issuedBy(issuer),
    term,
    extensions: [
      basicConstraints(true, 0),
      keyUsage(['keyCertSign', 'cRLSign']),
      subjectKeyIdentifier(keyId),
      authorityKeyIdentifier(issuerKeyId(issuer)),
      uriNames([id.text], false),
    ],
  })
}

/** What a leaf may differ in from the usual one. */
export interface LeafOptions {
  /** A Subject for programs that want one; without it the Subject is empty and the SAN is critical. */
  readonly commonName?: string
}

/**
 * A workload's certificate (SVID), with exactly the extensions of the X509-SVID standard: basicConstraints (critical,
 * not a CA), keyUsage (critical, digitalSignature), extendedKeyUsage (server and client), SAN with one URI (critical as
 * the Subject is empty), subject and authority key identifiers. The serial number is 128 random bits.
 */
export function issueLeaf(publicKey: KeyObject, id: SpiffeId, issuer: Issuer, term: Term & LeafOptions): Certificate {
  assert(id.path !== '', 'a leaf has an id with a path (X509-SVID §3.1)')
  return build({
    publicKey,
    subject: term.commonName === undefined ? sequence() : commonName(term.commonName),
    ...issuedBy(issuer),
    term,
    extensions: [
      basicConstraints(false),
      keyUsage(['digitalSignature']),
      serverAndClientAuth(),
      subjectKeyIdentifier(keyIdOf(publicKey)),
      authorityKeyIdentifier(issuerKeyId(issuer)),
      uriNames([id.text], term.commonName === undefined),
    ],
  })
}

/** A certificate as PEM. */
export const toCertificatePem = (certificate: Certificate): string => toPem('CERTIFICATE', certificate.der)

/** A Name with one attribute. */
const commonName = (text: string): Asn1 => sequence(setOfOne(sequence(oid(OID.commonName), utf8String(text))))

const issuedBy = (issuer: Issuer): Pick<Plan, 'issuer' | 'latestMs' | 'signingKey'> => ({
  issuer: embedded(issuer.certificate.subjectName),
  latestMs: issuer.certificate.notAfterMs,
  signingKey: issuer.privateKey,
})

const issuerKeyId = ({ certificate }: Issuer): Buffer =>
  certificate.subjectKeyId === undefined ? keyIdOf(certificate.publicKey) : Buffer.from(certificate.subjectKeyId, 'hex')

interface Plan {
  readonly publicKey: KeyObject
  readonly subject: Asn1
  readonly issuer: Asn1
  readonly term: Term
  readonly latestMs: number
  readonly signingKey: KeyObject
  readonly extensions: readonly Asn1[]
}

/** Signed certificates are read back, so that what leaves this file is what any other reader will see. */
function build(plan: Plan): Certificate {
  const algorithm = (): Asn1 => sequence(oid(OID.ecdsaWithSha256))
  const notAfterMs = Math.min(plan.term.wallMs + plan.term.lifetimeMs, plan.latestMs)
  assert(notAfterMs > plan.term.wallMs, 'the issuer of a certificate is valid, and the certificate has a lifetime')
  assert(plan.signingKey.asymmetricKeyDetails?.namedCurve === 'prime256v1', 'certificates are signed with ECDSA P-256')
  const tbs = sequence(
    contextConstructed(0, smallInteger(2)),
    unsignedInteger(randomBytes(16)),
    algorithm(),
    plan.issuer,
    sequence(time(plan.term.wallMs - CLOCK_SKEW_MS), time(notAfterMs)),
    plan.subject,
    embedded(toSpki(plan.publicKey)),
    contextConstructed(3, sequence(...plan.extensions)),
  )
  const signature = sign('sha256', toDer(tbs), plan.signingKey)
  const read = readCertificate(toDer(sequence(tbs, algorithm(), bitString(signature))))
  assert(read.ok, read.ok ? '' : `a certificate of ours is readable: ${read.error}`)
  return read.value
}
