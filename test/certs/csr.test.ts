import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { readSigningRequest } from '../../certs/csr.ts'
import { type Asn1, oid, sequence, setOfOne, utf8String } from '../../certs/der-writer.ts'
import { OID } from '../../certs/oids.ts'
import { basicConstraints, uriNames } from '../../certs/write-extensions.ts'
import { craftRequest, craftRequestOf, WEB } from './craft-certificate.ts'
import { unwrap } from './mesh-pki.ts'

const challengePassword = sequence(oid('1.2.840.113549.1.9.7'), setOfOne(utf8String('secret')))
const wantsWeb = sequence(oid(OID.extensionRequest), setOfOne(sequence(uriNames([WEB], true))))
const wantsToBeCa = sequence(oid(OID.extensionRequest), setOfOne(sequence(basicConstraints(true))))

test('a signing request says which names and which powers it asks for', () => {
  const asked = unwrap(readSigningRequest(craftRequest([uriNames([WEB], true), basicConstraints(true)])))
  assert.deepEqual([asked.uriNames, asked.isCa, asked.hasEmptySubject], [[WEB], true, true])
})

test('attributes of a signing request other than extensions are passed over', () => {
  const asked = unwrap(readSigningRequest(craftRequestOf([challengePassword, wantsWeb])))
  assert.deepEqual(asked.uriNames, [WEB])
})

/** A SET with two values, where RFC 2985 §5.4.2 has one. */
const twice: Asn1 = {
  ...setOfOne(sequence()),
  value: [sequence(uriNames([WEB], true)), sequence(basicConstraints(true))],
}
const ASKS_TWICE: readonly [string, readonly Asn1[]][] = [
  ['two attributes', [wantsWeb, wantsToBeCa]],
  ['the same attribute twice', [wantsWeb, wantsWeb]],
  ['one attribute with two values', [sequence(oid(OID.extensionRequest), twice)]],
]
for (const [what, attributes] of ASKS_TWICE) {
  test(`a signing request that asks for extensions twice is refused: ${what}`, () => {
    const read = readSigningRequest(craftRequestOf(attributes))
    assert(!read.ok)
    assert.match(read.error, /twice/)
  })
}

test('a signing request for a key that is not believed is refused', () => {
  const keyPair = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const read = readSigningRequest(craftRequest([uriNames([WEB], true)], keyPair))
  assert(!read.ok)
  assert.match(read.error, /not one that we believe/)
})
