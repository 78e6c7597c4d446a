import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { readSigningRequest } from '../../../certs/csr.ts'
import { fromPem, toPem } from '../../../certs/pem.ts'
import { readCertificate, readCertificatesPem } from '../../../certs/read-certificate.ts'
import { parseSpiffeId } from '../../../certs/spiffe-id.ts'
import { type FuzzTarget, kindOf } from '../fuzz-target.ts'

const DER_WORDS = [
  ...[
    '\x30\x00',
    '\x30\x80',
    '\x30\x82\x01\x00',
    '\x02\x01\x00',
    '\x02\x01\xff',
    '\x01\x01\xff',
    '\x01\x01\x01',
    '\x05\x00',
    '\x06\x03\x55\x1d\x11',
  ],
  ...[
    '\x06\x03\x55\x1d\x13',
    '\x06\x03\x55\x1d\x0f',
    '\x04\x00',
    '\x03\x01\x00',
    '\x86\x0aspiffe://a',
    '\x82\x01a',
    '\x87\x04\x7f\x00\x00\x01',
    '\xa3\x02\x30\x00',
  ],
  ...[
    '\x17\x0d300101000000Z',
    '\x18\x0f20300101000000Z',
    '\x1f\x81\x00',
    '\x84\xff\xff\xff\xff',
    '\x81\x01',
    '\xa0\x03\x02\x01\x02',
  ],
]
/** Ten times what makes the tree too deep, and past the 16 KiB that a certificate may have. */
const MAX_BYTES = 17_000

/** What we read in a certificate is what OpenSSL reads; seeds are in the corpus, for keys are made by chance. */
export const certificate: FuzzTarget = {
  name: 'certificate',
  seeds: [],
  words: DER_WORDS,
  maxBytes: MAX_BYTES,
  check(input) {
    const before = Buffer.from(input)
    const read = readCertificate(input)
    assert(input.equals(before), 'what is read is not written to')
    if (!read.ok) {
      assert.notEqual(read.error, '')
      return kindOf(read.error)
    }
    assert(read.value.der.equals(input), 'the certificate is all that was read')
    assert(read.value.notBeforeMs <= 8.64e15 && read.value.notAfterMs <= 8.64e15)
    const pem = toPem('CERTIFICATE', input)
    const again = readCertificatesPem(pem)
    if (!again.ok) return kindOf(again.error)
    assert(again.value.length === 1 && again.value[0]?.der.equals(input), 'in PEM, read again')
    const theirs = new X509Certificate(pem)
    assert.equal(BigInt(`0x${read.value.serial || '0'}`), BigInt(`0x${theirs.serialNumber}`), 'the serial number')
    assert.equal(Date.parse(theirs.validTo), read.value.notAfterMs, 'the end of validity')
    assertSameCa(input, read.value.isCa, theirs.ca)
    for (const uri of read.value.uriNames)
      if (parseSpiffeId(uri).ok) assert(theirs.subjectAltName?.includes(`URI:${uri}`), 'a URI name')
    return `read ${read.value.isCa} ${read.value.uriNames.length}`
  },
}

/** OpenSSL says no, too, where an extension that we do not read is damaged; then the octets themselves must say yes. */
function assertSameCa(der: Buffer, ours: boolean, theirs: boolean): void {
  const isSaid = /551d13(0101ff)?04..30..0101ff/.test(der.toString('hex'))
  assert(ours === theirs || (ours && isSaid), 'whether it signs')
}

/** A signing request as DER and, behind `-`, as a text that may be PEM. */
export const signingRequest: FuzzTarget = {
  name: 'signing-request',
  seeds: [
    Buffer.from('-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n'),
    Buffer.from('--'),
  ],
  words: [
    ...DER_WORDS,
    '-----BEGIN CERTIFICATE REQUEST-----\n',
    '-----END CERTIFICATE REQUEST-----\n',
    '\r\n',
    '=',
    'AAAA',
  ],
  maxBytes: MAX_BYTES,
  check(input) {
    const isText = input[0] === 0x2d
    const pem = isText ? input.toString('latin1') : toPem('CERTIFICATE REQUEST', input)
    if (!isText && input.length > 0) {
      const blocks = fromPem('CERTIFICATE REQUEST', pem)
      assert(blocks.ok && blocks.value.length === 1 && blocks.value[0]?.equals(input), 'a block of PEM, read again')
    }
    const read = readSigningRequest(pem)
    if (!read.ok) {
      assert.notEqual(read.error, '')
      return kindOf(read.error)
    }
    assert.equal(read.value.publicKey.type, 'public')
    return `read ${read.value.uriNames.length} ${read.value.isCa}`
  },
}
