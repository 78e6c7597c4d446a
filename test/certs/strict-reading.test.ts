import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import test from 'ava'
import { bundleFromPem } from '../../certs/bundle.ts'
import { createSigningRequest, readSigningRequest } from '../../certs/csr.ts'
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
  toDer,
  unsignedInteger,
} from '../../certs/der-writer.ts'
import { generateKeyPair, toSpki } from '../../certs/key-pair.ts'
import { OID } from '../../certs/oids.ts'
import { fromPem, toPem } from '../../certs/pem.ts'
import { readCertificate, readCertificatesPem } from '../../certs/read-certificate.ts'
import { basicConstraints, keyUsage, uriNames } from '../../certs/write-extensions.ts'
import { anyExtension, anyNames, nameOf, WEB } from './craft-certificate.ts'
import { idOf, makePki, unwrap } from './mesh-pki.ts'

/*
 * Certificates and requests that are right but for one thing. Reading a certificate checks no signature; those of the
 * requests are good, so that strict reading alone can refuse them.
 */

const keyPair = generateKeyPair()
const spki = embedded(toSpki(keyPair.publicKey))
const algorithm = sequence(oid(OID.ecdsaWithSha256))
/** A value of a universal type with these octets, right or wrong. */
const raw = (type: number, octets: Buffer | string): Asn1 => ({
  ...octetString(Buffer.from(octets)),
  type,
})
const NULL = raw(0x05, '')
const short = (text: string): Asn1 => raw(0x17, text)
const long = (text: string): Asn1 => raw(0x18, text)
const extension = (id: string, value: Asn1): Asn1 => anyExtension(id, false, value)

const PARTS = {
  version: contextConstructed(0, smallInteger(2)) as Asn1 | undefined,
  serial: smallInteger(7),
  inner: algorithm,
  issuer: nameOf('issuer'),
  validity: sequence(short('300101000000Z'), short('310101000000Z')),
  subject: sequence(),
  key: spki,
  between: [] as readonly Asn1[],
  extensions: [uriNames([WEB], true)] as readonly Asn1[] | Asn1,
  outer: algorithm,
  /** After the signature. */
  after: [] as readonly Asn1[],
}

function certificateOf(change: Partial<typeof PARTS>): Buffer {
  const { version, serial, inner, issuer, validity, subject, key, between, extensions, outer, after } = {
    ...PARTS,
    ...change,
  }
  const wrapper = 'tagClass' in extensions ? extensions : contextConstructed(3, sequence(...extensions))
  const fields = [serial, inner, issuer, validity, subject, key, ...between, wrapper]
  const tbs = sequence(...(version === undefined ? [] : [version]), ...fields)
  return toDer(sequence(tbs, outer, bitString(Buffer.alloc(64, 1)), ...after))
}

const withExtension = (...extensions: Asn1[]): Partial<typeof PARTS> => ({ extensions })
const from = (notBefore: Asn1): Partial<typeof PARTS> => ({ validity: sequence(notBefore, short('310101000000Z')) })
/** An extension nobody knows, of as many octets. */
const filler = (octets: number): Asn1 => extension('1.2.3', octetString(Buffer.alloc(octets)))
const sized = (bytes: number): Partial<typeof PARTS> =>
  withExtension(filler(bytes - certificateOf(withExtension(filler(10_000))).length + 10_000))
const many = (count: number): Partial<typeof PARTS> =>
  withExtension(...Array.from({ length: count }, (_, i) => extension(`1.2.${i}`, sequence())))
const uris = (count: number): Partial<typeof PARTS> =>
  withExtension(anyNames(Array.from({ length: count }, () => [6, Buffer.from(WEB)])))
const purposes = (count: number): Partial<typeof PARTS> =>
  withExtension(extension(OID.extendedKeyUsage, sequence(...Array.from({ length: count }, (_, i) => oid(`1.2.${i}`)))))

const GOOD: readonly (readonly [string, Partial<typeof PARTS>])[] = [
  ['nothing is changed', {}],
  ['NULL parameters, as RSA has them', { inner: sequence(oid(OID.ecdsaWithSha256), NULL) }],
  ['unique identifiers', { between: [contextPrimitive(1, Buffer.of(0)), contextPrimitive(2, Buffer.of(0))] }],
  ['a serial number of 20 octets', { serial: unsignedInteger(Buffer.alloc(20, 1)) }],
  ['16 KiB', sized(16 * 1024)],
  ['32 extensions', many(32)],
  ['64 names', uris(64)],
  ['64 purposes', purposes(64)],
  [
    'a name of an extension of 32 octets',
    withExtension(sequence(raw(0x06, Buffer.alloc(32, 1)), octetString(Buffer.of()))),
  ],
  ['an alternative name of the last type', withExtension(anyNames([[8, Buffer.of(42)]]))],
  ['a key identifier of 64 octets', withExtension(extension(OID.subjectKeyIdentifier, octetString(Buffer.alloc(64))))],
  ['an authority that is named otherwise', withExtension(extension(OID.authorityKeyIdentifier, sequence()))],
  ['no path length', withExtension(extension(OID.basicConstraints, sequence(boolean(true))))],
  ['a key usage of two octets', withExtension(extension(OID.keyUsage, bitString(Buffer.of(0x80, 0x80), 7)))],
  ['29 February of a leap year', from(short('280229000000Z'))],
]
for (const [what, change] of GOOD) {
  test(`a certificate is read: ${what}`, () => void unwrap(readCertificate(certificateOf(change))))
}

const WRONG: readonly (readonly [string, Partial<typeof PARTS>])[] = [
  ['a fourth part', { after: [NULL] }],
  ['no version', { version: undefined }],
  ['version 2', { version: contextConstructed(0, smallInteger(1)) }],
  ['a version with another tag', { version: contextConstructed(1, smallInteger(2)) }],
  ['a version outside of its tag', { version: smallInteger(2) }],
  ['a serial number that is negative', { serial: raw(0x02, Buffer.of(0x80)) }],
  ['a serial number without octets', { serial: raw(0x02, '') }],
  ['parameters of the algorithm', { inner: sequence(oid(OID.ecdsaWithSha256), smallInteger(1)) }],
  ['parameters of another class', { inner: sequence(oid(OID.ecdsaWithSha256), contextPrimitive(5, Buffer.of())) }],
  ['NULL that is something', { inner: sequence(oid(OID.ecdsaWithSha256), raw(0x05, 'x')) }],
  ['an algorithm of three parts', { inner: sequence(oid(OID.ecdsaWithSha256), NULL, NULL) }],
  ['an algorithm without a name', { inner: sequence(raw(0x06, '')), outer: sequence(raw(0x06, '')) }],
  ['an issuer that is no SEQUENCE', { issuer: setOfOne(NULL) }],
  ['a subject that is no SEQUENCE', { subject: setOfOne(NULL) }],
  ['a third time', { validity: sequence(...Array(3).fill(short('310101000000Z'))) }],
  ['one time', { validity: sequence(short('310101000000Z')) }],
  ['a time in another zone', from(short('300101000000+0100'))],
  ['a time without seconds', from(short('3001010000Z'))],
  ['a time with a fraction', from(long('20300101000000.5Z'))],
  ['30 February', from(short('300230000000Z'))],
  ['29 February of another year', from(short('300229000000Z'))],
  ['a thirteenth month', from(short('301301000000Z'))],
  ['hour 24', from(short('300101240000Z'))],
  ['a key that is none', { key: sequence() }],
  ['a field after the key', { between: [NULL] }],
  ['a fourth unique identifier', { between: [contextPrimitive(4, Buffer.of(0))] }],
  ['the version again', { between: [contextConstructed(0, smallInteger(2))] }],
  ['extensions that are primitive', { extensions: contextPrimitive(3, Buffer.of(0x30, 0)) }],
  ['two lists of extensions', { extensions: contextConstructed(3, ...Array(2).fill(sequence(uriNames([WEB], true)))) }],
  ['a list without an extension', { extensions: [] }],
  ['33 extensions', many(33)],
  ['65 names', uris(65)],
  ['no name', uris(0)],
  ['65 purposes', purposes(65)],
  ['no purpose', purposes(0)],
  ['one octet more than 16 KiB', sized(16 * 1024 + 1)],
  ['an extension of one part', withExtension(sequence(oid('1.2.3')))],
  ['an extension of four parts', withExtension(sequence(oid('1.2.3'), boolean(true), octetString(Buffer.of()), NULL))],
  ['a value that is no octets', withExtension(sequence(oid('1.2.3'), smallInteger(1)))],
  [
    'a name of an extension in a second spelling',
    withExtension(sequence(raw(0x06, Buffer.of(0x80, 0x2a)), octetString(Buffer.of()))),
  ],
  [
    'a name of an extension of 33 octets',
    withExtension(sequence(raw(0x06, Buffer.alloc(33, 1)), octetString(Buffer.of()))),
  ],
  ['a boolean that is neither', withExtension(extension(OID.basicConstraints, sequence(raw(0x01, Buffer.of(1)))))],
  [
    'a boolean of two octets',
    withExtension(extension(OID.basicConstraints, sequence(raw(0x01, Buffer.of(0xff, 0xff))))),
  ],
  [
    'a path length of two octets',
    withExtension(extension(OID.basicConstraints, sequence(boolean(true), raw(0x02, Buffer.of(1, 0))))),
  ],
  [
    'a negative path length',
    withExtension(extension(OID.basicConstraints, sequence(boolean(true), raw(0x02, Buffer.of(0xff))))),
  ],
  [
    'a third constraint',
    withExtension(extension(OID.basicConstraints, sequence(boolean(true), smallInteger(0), NULL))),
  ],
  ['a key usage without bits', withExtension(extension(OID.keyUsage, raw(0x03, Buffer.of(0))))],
  ['a key usage of three octets', withExtension(extension(OID.keyUsage, bitString(Buffer.of(0x80, 0, 0x80), 7)))],
  ['a key usage with bits in its unused part', withExtension(extension(OID.keyUsage, bitString(Buffer.of(0x81), 7)))],
  ['a key usage with eight unused bits', withExtension(extension(OID.keyUsage, bitString(Buffer.of(0x80, 0), 8)))],
  ['an alternative name of no type', withExtension(anyNames([[9, Buffer.from(WEB)]]))],
  ['a constructed URI', withExtension(extension(OID.subjectAltName, sequence(contextConstructed(6, NULL))))],
  ['an empty key identifier', withExtension(extension(OID.subjectKeyIdentifier, octetString(Buffer.of())))],
  ['a key identifier of 65 octets', withExtension(extension(OID.subjectKeyIdentifier, octetString(Buffer.alloc(65))))],
  [
    'a constructed authority key identifier',
    withExtension(extension(OID.authorityKeyIdentifier, sequence(contextConstructed(0, NULL)))),
  ],
]
for (const [what, change] of WRONG) {
  test(`a certificate is refused: ${what}`, () => assert(!readCertificate(certificateOf(change)).ok))
}

test('years of two digits are of 1950 to 2049', () => {
  for (const [text, year] of [
    ['500101000000Z', 1950],
    ['990101000000Z', 1999],
    ['000101000000Z', 2000],
    ['490101000000Z', 2049],
  ] as const) {
    const { notBeforeMs } = unwrap(readCertificate(certificateOf(from(short(text)))))
    assert.equal(notBeforeMs, Date.UTC(year, 0, 1))
  }
})

test('a certificate says whether its subject is empty', () => {
  assert.equal(unwrap(readCertificate(certificateOf({}))).hasEmptySubject, true)
  assert.equal(unwrap(readCertificate(certificateOf({ subject: nameOf('web') }))).hasEmptySubject, false)
})

const REQUEST = {
  version: smallInteger(0),
  attributes: contextConstructed(
    0,
    sequence(oid(OID.extensionRequest), setOfOne(sequence(uriNames([WEB], true)))),
  ) as Asn1,
  extra: [] as readonly Asn1[],
  after: [] as readonly Asn1[],
}

function requestOf(change: Partial<typeof REQUEST>): string {
  const { version, attributes, extra, after } = { ...REQUEST, ...change }
  const info = sequence(version, sequence(), spki, attributes, ...extra)
  const signature = bitString(sign('sha256', toDer(info), keyPair.privateKey))
  return toPem('CERTIFICATE REQUEST', toDer(sequence(info, algorithm, signature, ...after)))
}

const WRONG_REQUESTS: readonly (readonly [string, Partial<typeof REQUEST>])[] = [
  ['a fourth part', { after: [NULL] }],
  ['a fifth field', { extra: [NULL] }],
  ['version 2', { version: smallInteger(1) }],
  ['attributes that are primitive', { attributes: contextPrimitive(0, Buffer.of(1)) }],
  ['an attribute that is no SEQUENCE', { attributes: contextConstructed(0, NULL) }],
  [
    'extensions in a SEQUENCE in place of a SET',
    {
      attributes: contextConstructed(
        0,
        sequence(oid(OID.extensionRequest), sequence(sequence(keyUsage(['keyCertSign'])))),
      ),
    },
  ],
  [
    'a value that is no set of extensions',
    { attributes: contextConstructed(0, sequence(oid(OID.extensionRequest), setOfOne(basicConstraints(true)))) },
  ],
]
for (const [what, change] of WRONG_REQUESTS) {
  test(`a signing request is refused: ${what}`, () => {
    assert(readSigningRequest(requestOf({})).ok)
    assert(!readSigningRequest(requestOf(change)).ok)
  })
}

test('of two signing requests in one text neither is taken', () => {
  const request = createSigningRequest(generateKeyPair(), idOf(WEB))
  assert(readSigningRequest(`words\n${request}`).ok)
  assert(!readSigningRequest(request + createSigningRequest(generateKeyPair(), idOf(WEB))).ok)
})

test('a signing request with another algorithm than its key has is refused', () => {
  const other = generateKeyPairSync('ed25519')
  const info = sequence(smallInteger(0), sequence(), embedded(toSpki(other.publicKey)), REQUEST.attributes)
  const signature = bitString(sign(null, toDer(info), other.privateKey))
  const pem = (id: string): string => toPem('CERTIFICATE REQUEST', toDer(sequence(info, sequence(oid(id)), signature)))
  assert(readSigningRequest(pem('1.3.101.112')).ok)
  assert(!readSigningRequest(pem(OID.ecdsaWithSha256)).ok)
  assert(!readSigningRequest(pem('1.3.14.3.2.29')).ok)
})

test('PEM is read up to a million characters, with one spelling for its octets', () => {
  const pem = toPem('CERTIFICATE', certificateOf({}))
  const padding = (chars: number): string => `${' '.repeat(chars - pem.length - 1)}\n`
  assert.equal(unwrap(fromPem('CERTIFICATE', padding(1024 * 1024) + pem)).length, 1)
  assert(!fromPem('CERTIFICATE', padding(1024 * 1024 + 1) + pem).ok)
  const block = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`
  assert(fromPem('CERTIFICATE', block('AA==')).ok)
  // bits past the last octet, padding in the middle, too little of it, nothing at all
  for (const text of ['AB==', 'AA==\nAA==', 'AA', '']) assert(!fromPem('CERTIFICATE', block(text)).ok, text)
  assert(!fromPem('CERTIFICATE', pem + pem.replace(/\n-----END.*\n/, '')).ok, 'a block that ends with the text')
  assert(!bundleFromPem('mesh.example', 1, [pem, 'nonsense']).ok)
})

test('a root in whose name is no UTF-8 is refused, since TLS would leave it out without a word', () => {
  const der = Buffer.from(makePki().root.der)
  const at = der.indexOf('Outrigger', 0, 'latin1')
  assert(readCertificatesPem(toPem('CERTIFICATE', der)).ok)
  for (let name = at; name >= 0; name = der.indexOf('Outrigger', name + 1, 'latin1')) der[name] = 0xc9
  assert(readCertificate(der).ok, 'as octets nothing is wrong with it')
  assert(!readCertificatesPem(toPem('CERTIFICATE', der)).ok)
})
