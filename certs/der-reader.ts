import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'
import { err, ok, type Result } from './result.ts'

export type { Asn1 }

/*
 * Reads DER that a stranger sent. node-forge parses; what it is lax about (BER lengths, high tag numbers) is refused
 * here, so that we and OpenSSL can't understand one certificate in two ways.
 */

/** No certificate or request of a mesh is longer; parsing is linear in the length, so this bounds its time. */
const MAX_DER_BYTES = 16 * 1024
/** The deepest value in a certificate is a name in an extension: 8. */
const MAX_DEPTH = 16
/** A tag number of 31 says that the number follows: X.690 §8.1.2.4. Nothing in a certificate has one. */
const HIGH_TAG = 0x1f

/**
 * Thrown inside a reader and caught by `reading`, never seen outside certs/: a certificate has some sixty places where
 * it can be wrong, and a `Result` at each would hide what is read.
 */
class Malformed extends Error {}

/** Gives up reading: what is wrong, as the end of a sentence. */
export function malformed(what: string): never {
  throw new Malformed(what)
}

/** Runs a reader of hostile octets: its value, or what was wrong. Whatever the reader throws is the input's fault. */
export function reading<T>(read: () => T): Result<T, string> {
  try {
    return ok(read())
  } catch (thrown) {
    return err(thrown instanceof Error ? thrown.message : 'unreadable')
  }
}

/** The tree of one DER value that takes all of `der`. Throws `Malformed`; use inside `reading`. */
export function fromDer(der: Buffer): Asn1 {
  if (der.length > MAX_DER_BYTES) malformed(`${der.length} octets are more than ${MAX_DER_BYTES}`)
  const octets = der.toString('latin1')
  const tree = asn1.fromDer(octets, {
    strict: true,
    parseAllBytes: true,
    decodeBitStrings: false,
    maxDepth: MAX_DEPTH,
  })
  refuseHighTags(tree)
  // DER has one encoding for a value: what does not come out as it went in was BER
  if (asn1.toDer(tree).getBytes() !== octets) malformed('not the distinguished encoding (DER)')
  return tree
}

function refuseHighTags(node: Asn1): void {
  if (node.type === HIGH_TAG) malformed('tag numbers above 30 are not used in certificates')
  if (typeof node.value !== 'string') for (const child of node.value) refuseHighTags(child)
}

/** The octets of a value that was read by `fromDer`, tag and length included. A copy, equal to what was read. */
export const derOf = (node: Asn1): Buffer => Buffer.from(asn1.toDer(node).getBytes(), 'latin1')

const isUniversal = (node: Asn1 | undefined, type: number): node is Asn1 =>
  node !== undefined && node.tagClass === 0 && node.type === type

/** Children of a SEQUENCE. */
export function readSequence(node: Asn1 | undefined, what: string): readonly Asn1[] {
  if (!isUniversal(node, 0x10) || typeof node.value === 'string') malformed(`${what} is not a SEQUENCE`)
  return node.value
}

/** Members of a SET. */
export function readSet(node: Asn1 | undefined, what: string): readonly Asn1[] {
  if (!isUniversal(node, 0x11) || typeof node.value === 'string') malformed(`${what} is not a SET`)
  return node.value
}

/** Octets of a primitive universal value of this type. A copy. */
export function readPrimitive(node: Asn1 | undefined, type: number, what: string): Buffer {
  if (!isUniversal(node, type) || typeof node.value !== 'string') malformed(`${what} has the wrong type`)
  return Buffer.from(node.value, 'latin1')
}

/** OBJECT IDENTIFIER in dotted form. */
export function readOid(node: Asn1 | undefined, what: string): string {
  const octets = readPrimitive(node, 0x06, what)
  if (octets.length === 0 || octets.length > 32) malformed(`${what} is not an object identifier`)
  const dotted = asn1.derToOid(octets.toString('latin1'))
  // padding octets and cut numbers would give an identifier a second spelling: X.690 §8.19.2
  if (asn1.oidToDer(dotted).getBytes() !== octets.toString('latin1')) malformed(`${what} is not an object identifier`)
  return dotted
}

/** BOOLEAN: in DER, true is 0xff and nothing else. */
export function readBoolean(node: Asn1 | undefined, what: string): boolean {
  const octets = readPrimitive(node, 0x01, what)
  if (octets.length !== 1 || (octets[0] !== 0xff && octets[0] !== 0x00)) malformed(`${what} is not a boolean`)
  return octets[0] === 0xff
}

/** INTEGER that is not negative, as its octets. */
export function readUnsigned(node: Asn1 | undefined, what: string): Buffer {
  const octets = readPrimitive(node, 0x02, what)
  if (octets.length === 0 || octets.readUInt8(0) >= 0x80) malformed(`${what} is negative or empty`)
  return octets
}

/** BIT STRING of whole octets. */
export function readBitOctets(node: Asn1 | undefined, what: string): Buffer {
  const octets = readPrimitive(node, 0x03, what)
  if (octets.length === 0 || octets[0] !== 0) malformed(`${what} is not a string of whole octets`)
  return octets.subarray(1)
}

/** The child with a context-specific tag, if there is one. */
export const findContext = (children: readonly Asn1[], tag: number): Asn1 | undefined =>
  children.find((child) => child.tagClass === 0x80 && child.type === tag)

/** Time of a certificate in wall-clock milliseconds: UTCTime or GeneralizedTime, to the second, in UTC (RFC 5280 §4.1.2.5). */
export function readTime(node: Asn1 | undefined, what: string): number {
  const isShort = isUniversal(node, 0x17)
  const text = readPrimitive(node, isShort ? 0x17 : 0x18, what).toString('latin1')
  const shape = isShort
    ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/
    : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/
  const found = shape.exec(text)
  if (found === null) malformed(`${what} is not a time in UTC`)
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1).map(Number)
  const fullYear = isShort ? (year >= 50 ? 1900 + year : 2000 + year) : year
  const iso = `${String(fullYear).padStart(4, '0')}-${pad(month)}-${pad(day)}T${pad(hour)}:${pad(minute)}:${pad(second)}.000Z`
  const wallMs = Date.parse(iso)
  // Date.parse takes 30 February as 2 March
  if (Number.isNaN(wallMs) || new Date(wallMs).toISOString() !== iso) malformed(`${what} is not a day of the calendar`)
  return wallMs
}

const pad = (number: number): string => String(number).padStart(2, '0')
