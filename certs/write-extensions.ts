import { createHash, type KeyObject } from 'node:crypto'
import {
  type Asn1,
  bitString,
  boolean,
  contextPrimitive,
  octetString,
  oid,
  sequence,
  smallInteger,
  toDer,
} from './der-writer.ts'
import { toSpki } from './key-pair.ts'
import { type KeyUsage, writeKeyUsage } from './key-usage.ts'
import { OID } from './oids.ts'

function extension(id: string, isCritical: boolean, value: Asn1): Asn1 {
  const octets = octetString(toDer(value))
  return isCritical ? sequence(oid(id), boolean(true), octets) : sequence(oid(id), octets)
}

/** basicConstraints, critical. `pathLength`: how many CA certificates may follow; undefined means no limit. */
export function basicConstraints(isCa: boolean, pathLength?: number): Asn1 {
  const flags = isCa ? [boolean(true)] : []
  const length = isCa && pathLength !== undefined ? [smallInteger(pathLength)] : []
  return extension(OID.basicConstraints, true, sequence(...flags, ...length))
}

/** keyUsage, critical, as X509-SVID §4.3 asks. */
export function keyUsage(usages: readonly KeyUsage[]): Asn1 {
  const { octets, unusedBits } = writeKeyUsage(usages)
  return extension(OID.keyUsage, true, bitString(octets, unusedBits))
}

/** extendedKeyUsage with serverAuth and clientAuth, which X509-SVID §4.4 wants together: every sidecar is both. */
export const serverAndClientAuth = (): Asn1 =>
  extension(OID.extendedKeyUsage, false, sequence(oid(OID.serverAuth), oid(OID.clientAuth)))

/** subjectAltName with these URIs. Critical exactly when the Subject is empty (RFC 5280 §4.1.2.6). */
export function uriNames(uris: readonly string[], isCritical: boolean): Asn1 {
  const names = uris.map((uri) => contextPrimitive(6, Buffer.from(uri, 'latin1')))
  return extension(OID.subjectAltName, isCritical, sequence(...names))
}

/** subjectKeyIdentifier. */
export const subjectKeyIdentifier = (keyId: Buffer): Asn1 =>
  extension(OID.subjectKeyIdentifier, false, octetString(keyId))

/** authorityKeyIdentifier: the issuer's key. */
export const authorityKeyIdentifier = (keyId: Buffer): Asn1 =>
  extension(OID.authorityKeyIdentifier, false, sequence(contextPrimitive(0, keyId)))

/** Identifier of a key: the first 160 bits of the SHA-256 of its SubjectPublicKeyInfo (RFC 7093 §2, method 4). */
export const keyIdOf = (publicKey: KeyObject): Buffer =>
  createHash('sha256').update(toSpki(publicKey)).digest().subarray(0, 20)
