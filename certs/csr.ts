import { type KeyObject, sign } from 'node:crypto'
import {
  derOf,
  findContext,
  fromDer,
  malformed,
  readBitOctets,
  reading,
  readOid,
  readSequence,
  readSet,
  readUnsigned,
} from './der-reader.ts'
import {
  type Asn1,
  bitString,
  contextConstructed,
  embedded,
  oid,
  sequence,
  setOfOne,
  smallInteger,
  toDer,
} from './der-writer.ts'
import { type KeyPair, toSpki } from './key-pair.ts'
import { OID } from './oids.ts'
import { fromPem, toPem } from './pem.ts'
import { readAlgorithm, readPublicKey } from './read-certificate.ts'
import { readExtensions } from './read-extensions.ts'
import { err, ok, type Result } from './result.ts'
import { checkSignature } from './signature.ts'
import type { SpiffeId } from './spiffe-id.ts'
import { keyUsage, uriNames } from './write-extensions.ts'

/** A signing request whose signature is good: who sent it holds the private key. What it asks for is only a wish. */
export interface SigningRequest {
  readonly publicKey: KeyObject
  /** Every URI of the subject alternative names asked for. */
  readonly uriNames: readonly string[]
  /** Alternative names of other types asked for. */
  readonly otherNameCount: number
  readonly isCa: boolean
  readonly hasEmptySubject: boolean
}

/** A signing request for one identity, as PEM: empty Subject, one URI name, digitalSignature (RFC 2986, RFC 5280). */
export function createSigningRequest(pair: KeyPair, id: SpiffeId): string {
  const wanted = sequence(keyUsage(['digitalSignature']), uriNames([id.text], true))
  const info = sequence(
    smallInteger(0),
    sequence(),
    embedded(toSpki(pair.publicKey)),
    contextConstructed(0, sequence(oid(OID.extensionRequest), setOfOne(wanted))),
  )
  const signature = sign('sha256', toDer(info), pair.privateKey)
  return toPem('CERTIFICATE REQUEST', toDer(sequence(info, sequence(oid(OID.ecdsaWithSha256)), bitString(signature))))
}

/**
 * Reads one signing request (PKCS #10, RFC 2986 §4) that anyone may have sent, as PEM, and checks that it is signed with
 * the key that it is for. Returns what is wrong as the end of a sentence; never throws.
 */
export function readSigningRequest(pem: string): Result<SigningRequest, string> {
  const blocks = fromPem('CERTIFICATE REQUEST', pem)
  if (!blocks.ok) return blocks
  const [der] = blocks.value
  if (der === undefined || blocks.value.length > 1) return err('there is more than one CERTIFICATE REQUEST block')
  const read = reading(() => parse(der))
  if (!read.ok) return read
  const { signed, ...request } = read.value
  const check = checkSignature(request.publicKey, signed)
  if (check === 'weak') return err('the key or the signature algorithm is not one that we believe')
  if (check === 'bad') return err('the signature is not made with the key of the request')
  return ok(request)
}

interface Parsed extends SigningRequest {
  readonly signed: { readonly bytes: Buffer; readonly algorithm: string; readonly signature: Buffer }
}

function parse(der: Buffer): Parsed {
  const outer = readSequence(fromDer(der), 'the request')
  const [info, algorithm, signature] = outer
  if (info === undefined || outer.length !== 3) malformed('a request has three parts')
  const fields = readSequence(info, 'the signed part')
  const [version, subject, spki, ...rest] = fields
  if (!readUnsigned(version, 'the version').equals(Buffer.of(0))) malformed('it is not version 1')
  if (spki === undefined || rest.length > 1) malformed('the signed part has four fields')
  const wanted = readExtensions(findExtensionRequest(findContext(rest, 0)))
  return {
    publicKey: readPublicKey(spki),
    uriNames: wanted.uriNames,
    otherNameCount: wanted.otherNameCount,
    isCa: wanted.isCa,
    hasEmptySubject: readSequence(subject, 'the subject').length === 0,
    signed: {
      bytes: derOf(info),
      algorithm: readAlgorithm(algorithm),
      signature: readBitOctets(signature, 'the signature'),
    },
  }
}

/** The extensions asked for (RFC 2985 §5.4.2); other attributes, such as a challenge password, are nothing to us. */
function findExtensionRequest(attributes: Asn1 | undefined): Asn1 | undefined {
  if (attributes === undefined) return undefined
  if (typeof attributes.value === 'string') malformed('the attributes are malformed')
  let found: Asn1 | undefined
  for (const attribute of attributes.value) {
    const [id, values] = readSequence(attribute, 'an attribute')
    if (readOid(id, 'the name of an attribute') !== OID.extensionRequest) continue
    const members = readSet(values, 'the value of an attribute')
    if (found !== undefined || members.length !== 1) malformed('it asks for extensions twice')
    found = members[0]
  }
  return found
}
