import assert from 'node:assert/strict'
import test from 'ava'
import { constantFrom, assert as holds, integer, nat, property, uint8Array } from 'fast-check'
import { createSigningRequest, readSigningRequest } from '../../certs/csr.ts'
import { sequence, toDer, unsignedInteger } from '../../certs/der-writer.ts'
import { generateKeyPair } from '../../certs/key-pair.ts'
import { fromPem, toPem } from '../../certs/pem.ts'
import { readCertificate, readCertificatesPem } from '../../certs/read-certificate.ts'
import { verifyChain } from '../../certs/verify-chain.ts'
import { WEB } from './craft-certificate.ts'
import { idOf, makePki, NOON, unwrap } from './mesh-pki.ts'

const pki = makePki()
const leaf = pki.leaf(WEB).certificate.der
const issuing = pki.issuing.certificate.der
const csr = unwrap(fromPem('CERTIFICATE REQUEST', createSigningRequest(generateKeyPair(), idOf(WEB))))[0] ?? Buffer.of()

test('readCertificate and readSigningRequest answer every octet string, and take no random one', () => {
  holds(
    property(uint8Array({ maxLength: 2_000 }), (octets) => {
      const der = Buffer.from(octets)
      return !readCertificate(der).ok && !readSigningRequest(toPem('CERTIFICATE REQUEST', der)).ok
    }),
    { numRuns: 300 },
  )
})

test('a certificate cut anywhere is refused, and so is one with an octet after it', () => {
  for (let length = 0; length < leaf.length; length++) assert(!readCertificate(leaf.subarray(0, length)).ok)
  assert(!readCertificate(Buffer.concat([leaf, Buffer.of(0)])).ok)
})

test('a leaf with any bit changed is refused', () => {
  for (let bit = 0; bit < leaf.length * 8; bit++) {
    const changed = Buffer.from(leaf)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    assert(!verifyChain([changed, issuing], pki.bundle, NOON).ok, `bit ${bit}`)
  }
})

test('a signing certificate with any bit changed is refused', () => {
  for (let bit = 0; bit < issuing.length * 8; bit += 3) {
    const changed = Buffer.from(issuing)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    assert(!verifyChain([leaf, changed], pki.bundle, NOON).ok, `bit ${bit}`)
  }
})

test('a signing request with any bit changed is refused', () => {
  for (let bit = 0; bit < csr.length * 8; bit += 3) {
    const changed = Buffer.from(csr)
    changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    assert(!readSigningRequest(toPem('CERTIFICATE REQUEST', changed)).ok, `bit ${bit}`)
  }
})

test('octets put in, taken out or copied about in a certificate never pass and never throw', () => {
  const source = constantFrom(leaf, issuing, csr)
  holds(
    property(
      source,
      nat(),
      nat(60),
      uint8Array({ maxLength: 30 }),
      integer({ min: 0, max: 1 }),
      (der, at, cut, put, end) => {
        const start = at % der.length
        const changed = Buffer.concat([der.subarray(0, start), put, der.subarray(start + cut * end)])
        if (changed.equals(leaf)) return true
        return !verifyChain([changed, issuing], pki.bundle, NOON).ok
      },
    ),
    { numRuns: 1_000 },
  )
})

test('deep nesting, long input and lengths that lie are refused at once', () => {
  let deep = sequence()
  for (let i = 0; i < 2_000; i++) deep = sequence(deep)
  assert(!readCertificate(toDer(deep)).ok)
  assert(!readCertificate(Buffer.alloc(1_000_000, 0x30)).ok)
  assert(!readCertificate(Buffer.from('3084ffffffff', 'hex')).ok)
  assert(!readCertificate(Buffer.from('308affffffffffffffffffff', 'hex')).ok)
  assert(!readCertificate(Buffer.from('3080020101', 'hex')).ok)
})

test('a certificate in BER is refused, although it says the same', () => {
  // the outer length with one octet more than it needs
  const body = leaf.subarray(4)
  const padded = Buffer.concat([Buffer.of(0x30, 0x83, 0, body.length >> 8, body.length & 255), body])
  const read = readCertificate(padded)
  assert(!read.ok)
  assert.match(read.error, /DER/)
  const indefinite = Buffer.concat([Buffer.of(0x30, 0x80), body, Buffer.of(0, 0)])
  assert(!readCertificate(indefinite).ok)
})

test('PEM with a damaged line, no end, or no block is refused, and text around blocks is passed over', () => {
  const pem = toPem('CERTIFICATE', leaf)
  assert.equal(unwrap(readCertificatesPem(`words\n${pem}more words\r\n${pem.replaceAll('\n', '\r\n')}`)).length, 2)
  for (const text of [
    '',
    'nonsense',
    pem.replace('-----END CERTIFICATE-----\n', ''),
    pem.replace('MII', 'M*I'),
    pem.replace(/.\n-----END/, '\n-----END'),
    pem.replace('\n-----END', '\n\n-----END'),
  ]) {
    assert(!readCertificatesPem(text).ok)
  }
  assert.equal(toDer(unsignedInteger(Buffer.of(0, 0, 200))).toString('hex'), '020200c8')
})
