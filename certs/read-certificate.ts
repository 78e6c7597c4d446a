import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import {
  type Asn1,
  derOf,
  findContext,
  fromDer,
  malformed,
  readBitOctets,
  reading,
  readOid,
  readSequence,
  readTime,
  readUnsigned,
} from './der-reader.ts'
import { fromPem, toPem } from './pem.ts'
import { type Extensions, readExtensions } from './read-extensions.ts'
import { err, ok, type Result } from './result.ts'

/** What one X.509 certificate says; nothing of it is verified. Names are kept as DER and compared as octets. */
export interface Certificate extends Extensions {
  /** The whole certificate. A copy. */
  readonly der: Buffer
  /** What the issuer signed. */
  readonly signedBytes: Buffer
  /** Object identifier of the signature's algorithm. */
  readonly signatureAlgorithm: string
  readonly signature: Buffer
  /** Hexadecimal, without leading zero octets. */
  readonly serial: string
  readonly issuerName: Buffer
  readonly subjectName: Buffer
  readonly hasEmptySubject: boolean
  /** First and last moment of validity, wall-clock ms. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  readonly publicKey: KeyObject
}

/**
 * Reads one certificate from DER that anyone may have sent.
 *
 * Source: RFC 5280 §4.1, version 3 only, and strictly: one encoding (DER), no octet after it, at most 16 KiB, each
 * extension once. Alternative names come from the DER and never from a printed form (CVE-2021-44531, -44532).
 * Returns what is wrong as the end of a sentence; never throws.
 */
export function readCertificate(der: Buffer): Result<Certificate, string> {
  return reading(() => certificate(Buffer.from(der)))
}

/**
 * Reads every certificate of a PEM text, in order, at least one. What comes as text is given to TLS later on, and Node passes
 * over a root that OpenSSL can't read without a word: so it is refused here.
 */
export function readCertificatesPem(text: string): Result<readonly Certificate[], string> {
  const blocks = fromPem('CERTIFICATE', text)
  if (!blocks.ok) return blocks
  const certificates: Certificate[] = []
  for (const block of blocks.value) {
    const read = readCertificate(block)
    if (!read.ok) return read
    if (!isKnownToOpenssl(block)) return err('OpenSSL cannot read it')
    certificates.push(read.value)
  }
  return ok(certificates)
}

/** As PEM, of one block: in DER, Node would look for PEM first, and find it in a name. */
function isKnownToOpenssl(der: Buffer): boolean {
  return reading(() => new X509Certificate(toPem('CERTIFICATE', der))).ok
}

function certificate(der: Buffer): Certificate {
  const outer = readSequence(fromDer(der), 'the certificate')
  const [tbs, algorithm, signature] = outer
  if (outer.length !== 3 || tbs === undefined) malformed('a certificate has three parts')
  const fields = [...readSequence(tbs, 'the signed part')]
  readVersion(fields.shift())
  const [serial, innerAlgorithm, issuer, validity, subject, spki, ...rest] = fields
  if (issuer === undefined || subject === undefined || spki === undefined) malformed('a field is missing')
  const signatureAlgorithm = readAlgorithm(algorithm)
  // the outer copy is not signed; both must be the same: RFC 5280 §4.1.1.2
  if (readAlgorithm(innerAlgorithm) !== signatureAlgorithm) malformed('it names two signature algorithms')
  const [notBefore, notAfter, ...more] = readSequence(validity, 'validity')
  if (more.length > 0) malformed('validity has two times')
  readSequence(issuer, 'the issuer')
  return {
    der,
    signedBytes: derOf(tbs),
    signatureAlgorithm,
    signature: readBitOctets(signature, 'the signature'),
    serial: readSerial(serial),
    issuerName: derOf(issuer),
    subjectName: derOf(subject),
    hasEmptySubject: readSequence(subject, 'the subject').length === 0,
    notBeforeMs: readTime(notBefore, 'notBefore'),
    notAfterMs: readTime(notAfter, 'notAfter'),
    publicKey: readPublicKey(spki),
    ...readExtensions(findExtensions(rest)),
  }
}

function readVersion(node: Asn1 | undefined): void {
  const [version] = node !== undefined && typeof node.value !== 'string' ? node.value : []
  if (node?.tagClass !== 0x80 || node.type !== 0 || !readUnsigned(version, 'the version').equals(Buffer.of(2))) {
    malformed('it is not version 3, so it can have no extensions')
  }
}

function readSerial(node: Asn1 | undefined): string {
  const octets = readUnsigned(node, 'the serial number')
  if (octets.length > 20) malformed('the serial number is longer than 20 octets')
  return octets.toString('hex').replace(/^(00)+(?=..)/, '')
}

/** Object identifier of an AlgorithmIdentifier. Parameters are absent (ECDSA, EdDSA) or NULL (RSA): those of RSA-PSS are refused. */
export function readAlgorithm(node: Asn1 | undefined): string {
  const [id, parameters, ...more] = readSequence(node, 'a signature algorithm')
  const areNull =
    parameters === undefined || (parameters.tagClass === 0 && parameters.type === 0x05 && parameters.value === '')
  if (!areNull || more.length > 0) malformed('a signature algorithm has parameters')
  return readOid(id, 'a signature algorithm')
}

/** The key in a SubjectPublicKeyInfo. OpenSSL reads it, and refuses points that are not on their curve. */
export function readPublicKey(spki: Asn1): KeyObject {
  return createPublicKey({ key: derOf(spki), format: 'der', type: 'spki' })
}

/** After the key there may be two unique identifiers, [1] and [2], of which nobody makes use, and the extensions, [3]. */
function findExtensions(rest: readonly Asn1[]): Asn1 | undefined {
  if (rest.some((node) => node.tagClass !== 0x80 || node.type < 1 || node.type > 3)) malformed('it has unknown fields')
  const wrapper = findContext(rest, 3)
  if (wrapper === undefined) return undefined
  if (typeof wrapper.value === 'string' || wrapper.value.length !== 1) malformed('the extensions are malformed')
  return wrapper.value[0]
}
