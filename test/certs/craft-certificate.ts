import { sign } from 'node:crypto'
import type { Issuer } from '../../certs/certificate.ts'
import {
  type Asn1,
  bitString,
  boolean,
  contextConstructed,
  contextPrimitive,
  embedded,
  octetString,
  oid,
  sequence,
  setOfOne,
  smallInteger,
  time,
  toDer,
  unsignedInteger,
  utf8String,
} from '../../certs/der-writer.ts'
import { generateKeyPair, toSpki } from '../../certs/key-pair.ts'
import { OID } from '../../certs/oids.ts'
import { toPem } from '../../certs/pem.ts'
import { basicConstraints, keyUsage, serverAndClientAuth, uriNames } from '../../certs/write-extensions.ts'
import { DAY_MS, NOON } from './mesh-pki.ts'

export const WEB = 'spiffe://mesh.example/ns/shop/sa/web'

/** Extensions of a good leaf, by what they are; a test replaces or removes (undefined) one. */
export const GOOD_EXTENSIONS = {
  basicConstraints: basicConstraints(false),
  keyUsage: keyUsage(['digitalSignature']),
  extendedKeyUsage: serverAndClientAuth(),
  names: uriNames([WEB], true),
} as const

export interface Craft {
  readonly extensions?: { readonly [K in keyof typeof GOOD_EXTENSIONS]?: Asn1 | undefined }
  readonly more?: readonly Asn1[]
  readonly fromMs?: number
  readonly toMs?: number
  readonly subject?: Asn1
  readonly serial?: Buffer
  readonly innerAlgorithm?: string
}

/** A certificate that our own issuing code would not make, signed by `issuer`: DER. */
export function craftCertificate(issuer: Issuer, craft: Craft = {}, keyPair = generateKeyPair()): Buffer {
  const extensions = Object.values({ ...GOOD_EXTENSIONS, ...craft.extensions }).filter((value) => value !== undefined)
  const tbs = sequence(
    contextConstructed(0, smallInteger(2)),
    unsignedInteger(craft.serial ?? Buffer.of(7)),
    sequence(oid(craft.innerAlgorithm ?? OID.ecdsaWithSha256)),
    embedded(issuer.certificate.subjectName),
    sequence(time(craft.fromMs ?? NOON - DAY_MS), time(craft.toMs ?? NOON + DAY_MS)),
    craft.subject ?? sequence(),
    embedded(toSpki(keyPair.publicKey)),
    contextConstructed(3, sequence(...extensions, ...(craft.more ?? []))),
  )
  const signature = sign('sha256', toDer(tbs), issuer.privateKey)
  return toDer(sequence(tbs, sequence(oid(OID.ecdsaWithSha256)), bitString(signature)))
}

/** A well-signed request that asks for these extensions: PEM. */
export const craftRequest = (extensions: readonly Asn1[], keyPair = generateKeyPair()): string =>
  craftRequestOf([sequence(oid(OID.extensionRequest), setOfOne(sequence(...extensions)))], keyPair)

/** A well-signed request with these attributes: PEM. */
export function craftRequestOf(attributes: readonly Asn1[], keyPair = generateKeyPair()): string {
  const info = sequence(
    smallInteger(0),
    sequence(),
    embedded(toSpki(keyPair.publicKey)),
    contextConstructed(0, ...attributes),
  )
  const signature = sign('sha256', toDer(info), keyPair.privateKey)
  return toPem('CERTIFICATE REQUEST', toDer(sequence(info, sequence(oid(OID.ecdsaWithSha256)), bitString(signature))))
}

/** An extension with any name and value. */
export const anyExtension = (id: string, isCritical: boolean, value: Asn1): Asn1 =>
  isCritical
    ? sequence(oid(id), boolean(true), octetString(toDer(value)))
    : sequence(oid(id), octetString(toDer(value)))

/** Alternative names of any type: 1 e-mail, 2 DNS, 6 URI, 7 IP address. */
export const anyNames = (names: readonly (readonly [number, Buffer])[]): Asn1 =>
  anyExtension(OID.subjectAltName, true, sequence(...names.map(([type, octets]) => contextPrimitive(type, octets))))

/** A Name with one common name. */
export const nameOf = (text: string): Asn1 => sequence(setOfOne(sequence(oid(OID.commonName), utf8String(text))))
