import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'

/*
 * The ASN.1 values that certificates and signing requests are made of (ITU-T X.690, DER). Every function here returns
 * a node of a tree; `toDer` turns a tree into octets.
 */

export type { Asn1 }

const UNIVERSAL = 0x00
const CONTEXT = 0x80

const primitive = (type: number, octets: string): Asn1 => asn1.create(UNIVERSAL, type, false, octets)

/** The DER encoding of a tree. A copy. */
export const toDer = (value: Asn1): Buffer => Buffer.from(asn1.toDer(value).getBytes(), 'latin1')

/** SEQUENCE. */
export const sequence = (...children: Asn1[]): Asn1 => asn1.create(UNIVERSAL, 0x10, true, children)

/** SET with one member: with one, the order that DER asks for is given. */
export const setOfOne = (child: Asn1): Asn1 => asn1.create(UNIVERSAL, 0x11, true, [child])

/** OBJECT IDENTIFIER from its dotted form. */
export const oid = (dotted: string): Asn1 => primitive(0x06, asn1.oidToDer(dotted).getBytes())

/** BOOLEAN. */
export const boolean = (value: boolean): Asn1 => primitive(0x01, value ? '\xff' : '\x00')

/** INTEGER from the big-endian octets of a number that is not negative, in the shortest form. */
export function unsignedInteger(octets: Buffer): Asn1 {
  let start = 0
  while (start < octets.length - 1 && octets[start] === 0) start++
  const digits = octets.subarray(start)
  const needsSign = digits.length === 0 || digits.readUInt8(0) >= 0x80
  return primitive(0x02, `${needsSign ? '\x00' : ''}${digits.toString('latin1')}`)
}

/** INTEGER from a number between 0 and 127. */
export const smallInteger = (value: number): Asn1 => unsignedInteger(Buffer.of(value))

/** OCTET STRING. */
export const octetString = (octets: Buffer): Asn1 => primitive(0x04, octets.toString('latin1'))

/** BIT STRING of whole octets, or with `unusedBits` at its end. */
export const bitString = (octets: Buffer, unusedBits = 0): Asn1 =>
  primitive(0x03, String.fromCharCode(unusedBits) + octets.toString('latin1'))

/** UTF8String. */
export const utf8String = (text: string): Asn1 => primitive(0x0c, Buffer.from(text, 'utf8').toString('latin1'))

/** A context-specific primitive value: `[tag] IMPLICIT`. */
export const contextPrimitive = (tag: number, octets: Buffer): Asn1 =>
  asn1.create(CONTEXT, tag, false, octets.toString('latin1'))

/** A context-specific constructed value: `[tag] EXPLICIT`, or an IMPLICIT SEQUENCE or SET. */
export const contextConstructed = (tag: number, ...children: Asn1[]): Asn1 => asn1.create(CONTEXT, tag, true, children)

/** Time of a certificate, to the second: UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). */
export function time(wallMs: number): Asn1 {
  const digits = new Date(wallMs).toISOString().replace(/[-:T]|\.\d+Z$/g, '')
  const isShort = Number(digits.slice(0, 4)) < 2050
  return isShort ? primitive(0x17, `${digits.slice(2)}Z`) : primitive(0x18, `${digits}Z`)
}

/** A tree for octets that are DER already and that we made, such as a public key that node:crypto exported. */
export const embedded = (der: Buffer): Asn1 =>
  asn1.fromDer(der.toString('latin1'), { strict: true, parseAllBytes: true, decodeBitStrings: false, maxDepth: 16 })
