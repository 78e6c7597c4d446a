import {
  type Asn1,
  findContext,
  fromDer,
  malformed,
  readBoolean,
  readOid,
  readPrimitive,
  readSequence,
  readUnsigned,
} from './der-reader.ts'
import { type KeyUsage, readKeyUsage } from './key-usage.ts'
import { OID } from './oids.ts'

/** What the extensions of a certificate or a signing request say. */
export interface Extensions {
  /** Every URI of the subject's alternative names, as it stands in the DER; printable ASCII without spaces. */
  readonly uriNames: readonly string[]
  /** How many alternative names are of another type: DNS, IP address, e-mail and so on. */
  readonly otherNameCount: number
  readonly isCa: boolean
  /** How many CA certificates may follow this one in a chain; undefined means no limit. */
  readonly pathLength: number | undefined
  /** Undefined: the extension is absent. */
  readonly keyUsage: ReadonlySet<KeyUsage> | undefined
  /** Object identifiers; undefined: the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | undefined
  /** Hexadecimal. */
  readonly subjectKeyId: string | undefined
  /** Hexadecimal. */
  readonly authorityKeyId: string | undefined
  /** Object identifiers of all extensions that are marked critical. */
  readonly critical: ReadonlySet<string>
  /** Critical extensions that this reader does not know: whoever relies on the certificate must refuse it (RFC 5280 §4.2). */
  readonly unknownCritical: readonly string[]
}

const MAX_EXTENSIONS = 32
const MAX_NAMES = 64
const MAX_KEY_ID_OCTETS = 64
/** A URI may hold no control character, above all no NUL: CVE-2026-47778, a name cut short. */
const URI = /^[\x21-\x7e]+$/

type Draft = { -readonly [K in keyof Extensions]: Extensions[K] }

const READERS: Readonly<Record<string, (value: Asn1, draft: Draft) => void>> = {
  [OID.subjectAltName]: readAlternativeNames,
  [OID.basicConstraints]: readBasicConstraints,
  [OID.keyUsage]: (value, draft) => {
    const bits = readPrimitive(value, 0x03, 'key usage')
    // no bit set, or bits in the unused part, have no DER encoding: X.690 §11.2
    const unused = bits[0] ?? 8
    const last = bits[bits.length - 1] ?? 0
    if (bits.length < 2 || bits.length > 3 || unused > 7 || (last & ((1 << unused) - 1)) !== 0) {
      malformed('key usage is not a string of bits')
    }
    draft.keyUsage = readKeyUsage(bits)
  },
  [OID.extendedKeyUsage]: (value, draft) => {
    const purposes = readSequence(value, 'extended key usage').map((node) => readOid(node, 'extended key usage'))
    if (purposes.length === 0 || purposes.length > MAX_NAMES)
      malformed('extended key usage has no purpose, or too many')
    draft.extendedKeyUsage = purposes
  },
  [OID.subjectKeyIdentifier]: (value, draft) => {
    draft.subjectKeyId = keyId(readPrimitive(value, 0x04, 'subject key identifier'))
  },
  [OID.authorityKeyIdentifier]: (value, draft) => {
    const id = findContext(readSequence(value, 'authority key identifier'), 0)
    if (id === undefined) return
    if (typeof id.value !== 'string') malformed('authority key identifier is not primitive')
    draft.authorityKeyId = keyId(Buffer.from(id.value, 'latin1'))
  },
}

/** Reads a SEQUENCE of extensions (RFC 5280 §4.2); undefined: there are none. Throws `Malformed`, inside `reading`. */
export function readExtensions(node: Asn1 | undefined): Extensions {
  const draft: Draft = {
    uriNames: [],
    otherNameCount: 0,
    isCa: false,
    pathLength: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    critical: new Set(),
    unknownCritical: [],
  }
  if (node === undefined) return draft
  const list = readSequence(node, 'the list of extensions')
  if (list.length === 0 || list.length > MAX_EXTENSIONS) malformed(`there are ${list.length} extensions`)
  const critical = new Set<string>()
  const seen = new Set<string>()
  const unknownCritical: string[] = []
  for (const item of list) {
    const fields = readSequence(item, 'an extension')
    const id = readOid(fields[0], 'the name of an extension')
    const isCritical = fields.length === 3 && readBoolean(fields[1], 'the criticality of an extension')
    // FALSE is the default, which DER leaves out: X.690 §11.5
    if (fields.length < 2 || fields.length > 3 || (fields.length === 3 && !isCritical))
      malformed('an extension is malformed')
    if (seen.has(id)) malformed(`extension ${id} stands twice`)
    seen.add(id)
    const octets = readPrimitive(fields[fields.length - 1], 0x04, 'the value of an extension')
    const read = Object.hasOwn(READERS, id) ? READERS[id] : undefined
    read?.(fromDer(octets), draft)
    if (isCritical) critical.add(id)
    if (isCritical && read === undefined) unknownCritical.push(id)
  }
  return { ...draft, critical, unknownCritical }
}

function readAlternativeNames(value: Asn1, draft: Draft): void {
  const names = readSequence(value, 'subject alternative name')
  if (names.length === 0 || names.length > MAX_NAMES) malformed(`there are ${names.length} alternative names`)
  const uris: string[] = []
  for (const name of names) {
    if (name.tagClass !== 0x80 || name.type > 8) malformed('an alternative name has an unknown type')
    if (name.type !== 6) continue
    if (typeof name.value !== 'string' || !URI.test(name.value)) malformed('a URI name has characters that no URI has')
    uris.push(name.value)
  }
  draft.uriNames = uris
  draft.otherNameCount = names.length - uris.length
}

function readBasicConstraints(value: Asn1, draft: Draft): void {
  const fields = [...readSequence(value, 'basic constraints')]
  if (fields[0]?.type === 0x01) draft.isCa = readBoolean(fields.shift(), 'cA')
  const length = fields.shift()
  if (length !== undefined) {
    const octets = readUnsigned(length, 'pathLenConstraint')
    if (octets.length > 1) malformed('pathLenConstraint is above 127')
    draft.pathLength = octets.readUInt8(0)
  }
  if (fields.length > 0) malformed('basic constraints has more than two fields')
}

function keyId(octets: Buffer): string {
  if (octets.length === 0 || octets.length > MAX_KEY_ID_OCTETS) malformed('a key identifier is empty or too long')
  return octets.toString('hex')
}
