import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import test from 'ava'
import { bundleFromPem, createBundle, type TrustBundle } from '../../certs/bundle.ts'
import { issueIssuing, issueLeaf, issueRoot } from '../../certs/certificate.ts'
import {
  boolean,
  contextConstructed,
  contextPrimitive,
  embedded,
  octetString,
  oid,
  sequence,
} from '../../certs/der-writer.ts'
import { generateKeyPair } from '../../certs/key-pair.ts'
import { readCertificate } from '../../certs/read-certificate.ts'
import type { RefusalReason } from '../../certs/refusal.ts'
import { verifyChain } from '../../certs/verify-chain.ts'
import { basicConstraints, keyIdOf, keyUsage, subjectKeyIdentifier, uriNames } from '../../certs/write-extensions.ts'
import { anyExtension, anyNames, type Craft, craftCertificate, nameOf, WEB } from './craft-certificate.ts'
import { DAY_MS, idOf, makePki, NOON, unwrap } from './mesh-pki.ts'

const pki = makePki()
const good = pki.leaf(WEB).certificate
const issuingDer = pki.issuing.certificate.der
const root = { certificate: pki.root, privateKey: pki.rootKey.privateKey }

function reasonOf(chain: readonly Buffer[], bundle: TrustBundle = pki.bundle, wallMs = NOON): RefusalReason | 'good' {
  const verified = verifyChain(chain, bundle, wallMs)
  if (verified.ok) return 'good'
  assert(!verified.error.sentence.includes('{}'), verified.error.sentence)
  return verified.error.reason
}

test('verifyChain answers the identity, and when the first certificate of the chain ends', () => {
  const verified = unwrap(verifyChain([good.der, issuingDer], pki.bundle, NOON))
  assert.deepEqual(verified, { id: idOf(WEB), notAfterMs: NOON + DAY_MS })
})

test('a chain ends with what ends first in it: the leaf, the issuing certificate or the root', () => {
  const id = idOf('spiffe://mesh.example')
  const endOf = (rootMs: number, issuingMs: number, leafMs: number): number => {
    const rootKey = generateKeyPair()
    const rootCertificate = issueRoot(rootKey, id, { wallMs: NOON, lifetimeMs: rootMs })
    const keyPair = generateKeyPair()
    const extensions = {
      basicConstraints: basicConstraints(true, 0),
      keyUsage: keyUsage(['keyCertSign']),
      extendedKeyUsage: undefined,
      names: undefined,
    }
    const der = craftCertificate(
      { certificate: rootCertificate, privateKey: rootKey.privateKey },
      { extensions, toMs: NOON + issuingMs, subject: nameOf('issuing') },
      keyPair,
    )
    const issuing = { certificate: unwrap(readCertificate(der)), privateKey: keyPair.privateKey }
    const leaf = craftCertificate(issuing, { toMs: NOON + leafMs })
    const bundle = unwrap(createBundle('mesh.example', 1, [rootCertificate]))
    return unwrap(verifyChain([leaf, der], bundle, NOON)).notAfterMs - NOON
  }
  assert.equal(endOf(1_000, 2_000, 3_000), 1_000)
  assert.equal(endOf(3_000, 1_000, 2_000), 1_000)
  assert.equal(endOf(3_000, 2_000, 1_000), 1_000)
})

test('verifyChain takes signing certificates in any order, unneeded ones, and the root itself', () => {
  const other = makePki().issuing.certificate.der
  assert.equal(reasonOf([good.der, other, pki.root.der, issuingDer]), 'good')
})

test('verifyChain takes other alternative names beside the one URI', () => {
  const names = anyNames([
    [2, Buffer.from('web.shop.svc')],
    [6, Buffer.from(WEB)],
    [7, Buffer.of(10, 0, 0, 1)],
  ])
  assert.equal(reasonOf([craftCertificate(pki.issuing, { extensions: { names } }), issuingDer]), 'good')
})

test('verifyChain takes a leaf that a root signed itself, and one without an extended key usage', () => {
  assert.equal(reasonOf([craftCertificate(root)]), 'good')
  const leaf = craftCertificate(pki.issuing, { extensions: { extendedKeyUsage: undefined } })
  assert.equal(reasonOf([leaf, issuingDer]), 'good')
})

const clientAuthOnly = anyExtension('2.5.29.37', false, sequence(embedded(Buffer.from('06082b06010505070302', 'hex'))))
const WRONG_LEAVES: readonly [string, RefusalReason, Craft][] = [
  ['no alternative name', 'no-uri', { extensions: { names: undefined } }],
  ['a DNS name only', 'no-uri', { extensions: { names: anyNames([[2, Buffer.from('web.shop.svc')]]) } }],
  ['two URIs', 'many-uris', { extensions: { names: uriNames([WEB, `${WEB}2`], true) } }],
  ['the same URI twice', 'many-uris', { extensions: { names: uriNames([WEB, WEB], true) } }],
  ['a URI of another scheme', 'not-spiffe', { extensions: { names: uriNames(['https://mesh.example/x'], true) } }],
  ['a SPIFFE ID with a query', 'not-spiffe', { extensions: { names: uriNames([`${WEB}?x`], true) } }],
  ['a SPIFFE ID without a path', 'no-path', { extensions: { names: uriNames(['spiffe://mesh.example'], true) } }],
  [
    'an identity of another trust domain',
    'wrong-trust-domain',
    { extensions: { names: uriNames(['spiffe://other.example/x'], true) } },
  ],
  [
    'an identity of a trust domain that only ends like ours',
    'wrong-trust-domain',
    { extensions: { names: uriNames(['spiffe://evil.mesh.example/ns/shop/sa/web'], true) } },
  ],
  ['a URI with a NUL in it', 'malformed', { extensions: { names: anyNames([[6, Buffer.from(`${WEB}\0.evil`)]]) } }],
  ['an empty URI', 'malformed', { extensions: { names: anyNames([[6, Buffer.alloc(0)]]) } }],
  ['cA set', 'ca-leaf', { extensions: { basicConstraints: basicConstraints(true) } }],
  ['keyCertSign', 'signing-leaf', { extensions: { keyUsage: keyUsage(['digitalSignature', 'keyCertSign']) } }],
  ['cRLSign', 'signing-leaf', { extensions: { keyUsage: keyUsage(['digitalSignature', 'cRLSign']) } }],
  ['a key usage without digitalSignature', 'wrong-key-usage', { extensions: { keyUsage: keyUsage(['keyAgreement']) } }],
  ['no key usage', 'wrong-key-usage', { extensions: { keyUsage: undefined } }],
  ['clientAuth without serverAuth', 'wrong-extended-usage', { extensions: { extendedKeyUsage: clientAuthOnly } }],
  ['a critical extension that nobody knows', 'unknown-critical', { more: [anyExtension('1.2.3.4', true, sequence())] }],
  ['an end before now', 'expired', { toMs: NOON - 1_000 }],
  ['a beginning after now', 'not-yet-valid', { fromMs: NOON + 1_000 }],
  ['an extension twice', 'malformed', { more: [keyUsage(['digitalSignature'])] }],
  [
    'a criticality that is written although it is FALSE',
    'malformed',
    { more: [sequence(oid('1.2.3.4'), boolean(false), octetString(Buffer.of(5, 0)))] },
  ],
  // one reader takes the second octet for the tag, another for the length
  ['a tag number above 30', 'malformed', { subject: sequence(contextPrimitive(31, Buffer.alloc(8))) }],
  ['two signature algorithms', 'malformed', { innerAlgorithm: '1.2.840.10045.4.3.3' }],
  ['a serial number of 21 octets', 'malformed', { serial: Buffer.alloc(21, 1) }],
]
for (const [what, reason, craft] of WRONG_LEAVES) {
  test(`verifyChain refuses a leaf with ${what}: ${reason}`, () => {
    assert.equal(reasonOf([craftCertificate(pki.issuing, craft), issuingDer]), reason)
  })
}

test('verifyChain takes a leaf at its first and last moment, and not a second later', () => {
  const leaf = craftCertificate(pki.issuing, { fromMs: NOON, toMs: NOON + 10_000 })
  assert.equal(reasonOf([leaf, issuingDer], pki.bundle, NOON), 'good')
  assert.equal(reasonOf([leaf, issuingDer], pki.bundle, NOON + 10_000), 'good')
  assert.equal(reasonOf([leaf, issuingDer], pki.bundle, NOON + 11_000), 'expired')
  assert.equal(reasonOf([leaf, issuingDer], pki.bundle, NOON - 1), 'not-yet-valid')
})

/** A key of this many bits that nobody can sign with: a real one would take minutes to find. */
function rsaKey(bits: number): KeyObject {
  const modulus = Buffer.alloc(bits / 8, 0xc5)
  return createPublicKey({ key: { kty: 'RSA', n: modulus.toString('base64url'), e: 'AQAB' }, format: 'jwk' })
}

const LEAF_KEYS: readonly [string, KeyObject, RefusalReason | 'good'][] = [
  ['RSA, 1,024 bits', rsaKey(1024), 'weak-key'],
  ['RSA, 2,040 bits', rsaKey(2040), 'weak-key'],
  ['RSA, 2,048 bits', rsaKey(2048), 'good'],
  ['RSA, 8,192 bits', rsaKey(8192), 'good'],
  ['RSA, 8,200 bits, slow to check with', rsaKey(8200), 'weak-key'],
  ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey, 'weak-key'],
  ['P-384', generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).publicKey, 'good'],
  ['Ed25519', generateKeyPairSync('ed25519').publicKey, 'good'],
  ['Ed448', generateKeyPairSync('ed448').publicKey, 'weak-key'],
]
for (const [kind, publicKey, reason] of LEAF_KEYS) {
  test(`verifyChain answers a leaf whose key is ${kind}: ${reason}`, () => {
    const leaf = craftCertificate(pki.issuing, {}, { ...generateKeyPair(), publicKey })
    assert.equal(reasonOf([leaf, issuingDer]), reason)
  })
}

test('verifyChain refuses an empty chain, a long one, and everybody when there are no roots', () => {
  assert.equal(reasonOf([]), 'empty-chain')
  assert.equal(reasonOf(Array(6).fill(good.der)), 'long-chain')
  assert.equal(reasonOf([good.der, issuingDer], unwrap(bundleFromPem('mesh.example', 2, []))), 'empty-bundle')
})

test('verifyChain refuses a chain without its issuing certificate, and one to another root of the same name', () => {
  assert.equal(reasonOf([good.der]), 'unknown-issuer')
  const other = makePki()
  assert.equal(reasonOf([good.der, issuingDer], other.bundle), 'unknown-issuer')
})

test('verifyChain refuses a root that only the peer brings', () => {
  const other = makePki()
  const leaf = other.leaf(WEB).certificate
  assert.equal(reasonOf([leaf.der, other.issuing.certificate.der, other.root.der]), 'unknown-issuer')
})

test('verifyChain refuses a leaf that another key signed in the name of our issuing certificate', () => {
  const forged = { certificate: pki.issuing.certificate, privateKey: generateKeyPair().privateKey }
  const leaf = pki.leaf(WEB).keyPair
  const der = issueLeaf(leaf.publicKey, idOf(WEB), forged, { wallMs: NOON, lifetimeMs: DAY_MS }).der
  assert.equal(reasonOf([der, issuingDer]), 'bad-signature')
})

test('verifyChain refuses a good signature that names the algorithm of another type of key', () => {
  const keyPair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const ca = { basicConstraints: basicConstraints(true), keyUsage: keyUsage(['keyCertSign']), names: undefined }
  const issuer = craftCertificate(root, { subject: nameOf('rsa'), extensions: ca }, keyPair)
  const leaf = craftCertificate({ certificate: unwrap(readCertificate(issuer)), privateKey: keyPair.privateKey })
  assert.equal(reasonOf([leaf, issuer]), 'bad-signature')
})

test('verifyChain refuses a leaf that signs another leaf', () => {
  const parent = pki.leaf(WEB)
  const named = craftCertificate(root, { subject: nameOf('web') }, parent.keyPair)
  const issuer = { certificate: unwrap(readCertificate(named)), privateKey: parent.keyPair.privateKey }
  assert.equal(reasonOf([craftCertificate(issuer), named]), 'issuer-not-ca')
})

const WRONG_ISSUERS: readonly [string, RefusalReason, Craft][] = [
  ['is not a CA', 'issuer-not-ca', { extensions: { basicConstraints: basicConstraints(false) } }],
  ['may not sign certificates', 'issuer-not-ca', { extensions: { keyUsage: keyUsage(['cRLSign']) } }],
  ['has no key usage', 'issuer-not-ca', { extensions: { keyUsage: undefined } }],
  ['has a SPIFFE ID with a path', 'issuer-has-path', { extensions: { names: uriNames([WEB], false) } }],
  ['is over', 'issuer-expired', { toMs: NOON - 1_000 }],
  ['is not valid yet', 'issuer-not-yet-valid', { fromMs: NOON + 1_000 }],
  [
    'has critical name constraints',
    'unknown-critical',
    { more: [anyExtension('2.5.29.30', true, sequence(contextConstructed(0, contextPrimitive(6, Buffer.from('x')))))] },
  ],
]
for (const [what, reason, craft] of WRONG_ISSUERS) {
  test(`verifyChain refuses a chain whose signing certificate ${what}: ${reason}`, () => {
    const keyPair = generateKeyPair()
    const extensions = {
      basicConstraints: basicConstraints(true, 0),
      keyUsage: keyUsage(['keyCertSign']),
      names: undefined,
      extendedKeyUsage: undefined,
      ...craft.extensions,
    }
    const der = craftCertificate(root, { subject: nameOf('bad issuing'), ...craft, extensions }, keyPair)
    const issuer = { certificate: unwrap(readCertificate(der)), privateKey: keyPair.privateKey }
    assert.equal(reasonOf([craftCertificate(issuer), der]), reason)
  })
}

test('verifyChain refuses a chain longer than a signing certificate allows', () => {
  const keyPair = generateKeyPair()
  const term = { wallMs: NOON, lifetimeMs: DAY_MS }
  const second = issueIssuing(keyPair.publicKey, idOf('spiffe://mesh.example'), pki.issuing, term)
  const leaf = craftCertificate({ certificate: second, privateKey: keyPair.privateKey })
  assert.equal(reasonOf([leaf, second.der, issuingDer]), 'path-too-long')
})

test('verifyChain believes several roots at once, as a rotation of roots needs', () => {
  const next = makePki()
  const both = unwrap(createBundle('mesh.example', 2, [pki.root, next.root]))
  assert.equal(reasonOf([good.der, issuingDer], both), 'good')
  assert.equal(reasonOf([next.leaf(WEB).certificate.der, next.issuing.certificate.der], both), 'good')
})

test('verifyChain ends soon when every certificate of a chain names itself as the issuer of all', () => {
  const name = nameOf('loop')
  const ca = { basicConstraints: basicConstraints(true), keyUsage: keyUsage(['keyCertSign']), names: undefined }
  const keyPair = generateKeyPair()
  const first = craftCertificate(root, { subject: name, extensions: ca }, keyPair)
  const self = { certificate: unwrap(readCertificate(first)), privateKey: keyPair.privateKey }
  const loops = [1, 2, 3, 4].map((n) =>
    craftCertificate(self, { subject: name, extensions: ca, serial: Buffer.of(n) }, keyPair),
  )
  assert.equal(reasonOf([craftCertificate(self), ...loops]), 'unknown-issuer')
})

test('verifyChain finds the one of many roots of one name that the key identifier tells', () => {
  const name = nameOf('one of many')
  const id = idOf('spiffe://mesh.example')
  const roots = Array.from({ length: 12 }, () => {
    const keyPair = generateKeyPair()
    const ca = { basicConstraints: basicConstraints(true), keyUsage: keyUsage(['keyCertSign']), names: undefined }
    const more = [subjectKeyIdentifier(keyIdOf(keyPair.publicKey))]
    const der = craftCertificate(root, { subject: name, extensions: ca, more }, keyPair)
    return { certificate: unwrap(readCertificate(der)), privateKey: keyPair.privateKey }
  })
  const bundle = unwrap(
    createBundle(
      id.trustDomain,
      2,
      roots.map(({ certificate }) => certificate),
    ),
  )
  const { publicKey } = generateKeyPair()
  for (const issuer of roots) {
    const leaf = issueLeaf(publicKey, idOf(WEB), issuer, { wallMs: NOON, lifetimeMs: DAY_MS / 2 })
    assert.equal(reasonOf([leaf.der], bundle), 'good')
  }
})

test('verifyChain takes a signing certificate at its first and last moment, and not a second later', () => {
  const keyPair = generateKeyPair()
  const ca = { basicConstraints: basicConstraints(true, 0), keyUsage: keyUsage(['keyCertSign']), names: undefined }
  const plan = { subject: nameOf('short'), extensions: ca, fromMs: NOON, toMs: NOON + 10_000 }
  const der = craftCertificate(root, plan, keyPair)
  const leaf = craftCertificate({ certificate: unwrap(readCertificate(der)), privateKey: keyPair.privateKey })
  assert.equal(reasonOf([leaf, der], pki.bundle, NOON), 'good')
  assert.equal(reasonOf([leaf, der], pki.bundle, NOON + 10_000), 'good')
  assert.equal(reasonOf([leaf, der], pki.bundle, NOON - 1), 'issuer-not-yet-valid')
  assert.equal(reasonOf([leaf, der], pki.bundle, NOON + 11_000), 'issuer-expired')
})

test('verifyChain tries eight ways to a root and no more', () => {
  const name = nameOf('one of many')
  const ca = { basicConstraints: basicConstraints(true), keyUsage: keyUsage(['keyCertSign']), names: undefined }
  const roots = Array.from({ length: 9 }, () => {
    const keyPair = generateKeyPair()
    const der = craftCertificate(root, { subject: name, extensions: ca }, keyPair)
    return { certificate: unwrap(readCertificate(der)), privateKey: keyPair.privateKey }
  })
  const certificates = roots.map(({ certificate }) => certificate)
  const bundle = unwrap(createBundle('mesh.example', 2, certificates))
  const reasons = roots.map((issuer) => reasonOf([craftCertificate(issuer)], bundle))
  assert.deepEqual(reasons, [...Array(8).fill('good'), 'bad-signature'])
})
