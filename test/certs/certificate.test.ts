import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { issueIssuing, issueLeaf, issueRoot } from '../../certs/certificate.ts'
import { generateKeyPair } from '../../certs/key-pair.ts'
import { readCertificate } from '../../certs/read-certificate.ts'
import { craftCertificate, WEB } from './craft-certificate.ts'
import { DAY_MS, idOf, makePki, NOON, unwrap } from './mesh-pki.ts'

const pki = makePki()
const domain = idOf('spiffe://mesh.example')
const term = { wallMs: NOON, lifetimeMs: DAY_MS }
const { publicKey } = generateKeyPair()

/** What only our own mistake could ask for: nobody gets a certificate by it. */
const MISTAKES: readonly (readonly [string, () => unknown])[] = [
  ['a root with the identity of a workload', () => issueRoot(generateKeyPair(), idOf(WEB), term)],
  [
    'an issuing certificate with the identity of a workload',
    () => issueIssuing(publicKey, idOf(WEB), pki.issuing, term),
  ],
  ['a leaf with the identity of the trust domain', () => issueLeaf(publicKey, domain, pki.issuing, term)],
  ['a leaf without a lifetime', () => issueLeaf(publicKey, idOf(WEB), pki.issuing, { ...term, lifetimeMs: 0 })],
  [
    'a leaf of an issuing certificate that is over',
    () => issueLeaf(publicKey, idOf(WEB), pki.issuing, { ...term, wallMs: pki.issuing.certificate.notAfterMs }),
  ],
  [
    'a root with a key that is not ECDSA P-256',
    () => issueRoot(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }), domain, term),
  ],
]
for (const [what, issue] of MISTAKES) {
  test(`no certificate is made: ${what}`, () => void assert.throws(issue, assert.AssertionError))
}

test('a certificate names the key identifier of its issuer, and the key itself where that says none', () => {
  const leaf = issueLeaf(publicKey, idOf(WEB), pki.issuing, term)
  assert.equal(leaf.authorityKeyId, pki.issuing.certificate.subjectKeyId)
  const keyPair = generateKeyPair()
  const certificate = unwrap(readCertificate(craftCertificate(pki.issuing, {}, keyPair)))
  assert.equal(certificate.subjectKeyId, undefined)
  const below = issueLeaf(publicKey, idOf(WEB), { certificate, privateKey: keyPair.privateKey }, term)
  const own = issueLeaf(keyPair.publicKey, idOf(WEB), pki.issuing, term)
  assert.equal(below.authorityKeyId, own.subjectKeyId)
})
