import assert from 'node:assert/strict'
import test from 'ava'
import { bundleFromPem, createBundle } from '../../../certs/bundle.ts'
import { issueRoot, toCertificatePem } from '../../../certs/certificate.ts'
import { generateKeyPair } from '../../../certs/key-pair.ts'
import { readCertificate } from '../../../certs/read-certificate.ts'
import { createIdentity, type Identity } from '../../../sidecar/mtls/identity.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { craftCertificate } from '../../certs/craft-certificate.ts'
import { DAY_MS, idOf, makePki, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { identityOf, WEB } from './mesh-identity.ts'

const pki = makePki()
const identity = identityOf(pki)

test('subscribers hear the identity that is there and each that follows, until they are disposed', () => {
  const store = new IdentityStore()
  const heard: [string, Identity][] = []
  const early = store.subscribe((next) => heard.push(['early', next]))
  assert.equal(heard.length, 0)
  store.replace(identity)
  const late = store.subscribe((next) => heard.push(['late', next]))
  early[Symbol.dispose]()
  const renewed = identityOf(pki)
  store.replace(renewed)
  late[Symbol.dispose]()
  store.replace(identity)
  assert.deepEqual(heard, [
    ['early', identity],
    ['late', identity],
    ['late', renewed],
  ])
  assert.equal(store.current, identity)
})

test('new roots replace the old ones and keep key and chain', () => {
  const store = new IdentityStore()
  store.replace(identity)
  const both = unwrap(createBundle('mesh.example', 2, [pki.root, makePki().root]))
  assert(store.replaceRoots(both).ok)
  assert.deepEqual(store.current, { ...identity, bundle: both })
})

test('roots of another trust domain, or older ones, are refused and the held ones stay', () => {
  const store = new IdentityStore()
  store.replace({ ...identity, bundle: unwrap(createBundle('mesh.example', 3, [pki.root])) })
  const held = store.current
  for (const [domain, sequence] of [
    ['other.example', 9],
    ['mesh.example', 2],
  ] as const) {
    assert(!store.replaceRoots(unwrap(createBundle(domain, sequence, [makePki().root]))).ok)
  }
  assert(store.replaceRoots(unwrap(createBundle('mesh.example', 3, [pki.root]))).ok)
  assert.equal(store.current, held)
})

test('an empty list of roots is obeyed', () => {
  const store = new IdentityStore()
  store.replace(identity)
  assert(store.replaceRoots(unwrap(bundleFromPem('mesh.example', 2, []))).ok)
  assert.equal(store.current?.bundle.roots.length, 0)
})

test('roots before the first identity are no error', () => {
  const store = new IdentityStore()
  assert(store.replaceRoots(pki.bundle).ok)
  assert.equal(store.current, undefined)
})

test('createIdentity leaves roots out of the chain and refuses parts that do not fit', () => {
  const { keyPair, certificate } = pki.leaf(WEB)
  const chainPem = [certificate, pki.issuing.certificate, pki.root].map(toCertificatePem)
  const parts = { keyPair, chainPem, bundle: pki.bundle }
  assert.equal(unwrap(createIdentity(parts, idOf(WEB), NOON)).chain.length, 2)
  assert(!createIdentity({ ...parts, keyPair: generateKeyPair() }, idOf(WEB), NOON).ok)
  assert(!createIdentity({ ...parts, chainPem: chainPem.slice(0, 1) }, idOf(WEB), NOON).ok)
  assert(!createIdentity({ ...parts, bundle: makePki().bundle }, idOf(WEB), NOON).ok)
  assert(!createIdentity(parts, idOf(`${WEB}2`), NOON).ok)
  assert(!createIdentity(parts, idOf(WEB), NOON + 2 * DAY_MS).ok)
  assert(!createIdentity({ ...parts, chainPem: [] }, idOf(WEB), NOON).ok)
})

test('an identity ends with what ends first in its chain, the root included', () => {
  const { keyPair } = pki.leaf(WEB)
  const root = issueRoot(pki.rootKey, idOf('spiffe://mesh.example'), { wallMs: NOON, lifetimeMs: 3_600_000 })
  const issuer = { certificate: root, privateKey: pki.rootKey.privateKey }
  const leaf = unwrap(readCertificate(craftCertificate(issuer, { toMs: NOON + DAY_MS }, keyPair)))
  const parts = { keyPair, chainPem: [toCertificatePem(leaf)], bundle: unwrap(createBundle('mesh.example', 1, [root])) }
  assert.equal(unwrap(createIdentity(parts, idOf(WEB), NOON)).notAfterMs, NOON + 3_600_000)
})
