import assert from 'node:assert/strict'
import test from 'ava'
import { anything, assert as holds, property, string } from 'fast-check'
import {
  bundleFromPem,
  createBundle,
  newerBundle,
  readBundleJson,
  rootsPemOf,
  writeBundleJson,
} from '../../certs/bundle.ts'
import { issueRoot, toCertificatePem } from '../../certs/certificate.ts'
import { generateKeyPair } from '../../certs/key-pair.ts'
import { readCertificate } from '../../certs/read-certificate.ts'
import { basicConstraints, keyUsage } from '../../certs/write-extensions.ts'
import { type Craft, craftCertificate, WEB } from './craft-certificate.ts'
import { DAY_MS, idOf, makePki, NOON, unwrap } from './mesh-pki.ts'

const pki = makePki()
const next = makePki()
const both = unwrap(createBundle('mesh.example', 7, [pki.root, next.root]))

test('a SPIFFE bundle document says what X509-SVID §6.1 asks for', () => {
  const document = JSON.parse(writeBundleJson(both, 60))
  assert.equal(document.spiffe_sequence, 7)
  assert.equal(document.spiffe_refresh_hint, 60)
  assert.equal(document.keys.length, 2)
  for (const key of document.keys) {
    assert.deepEqual(Object.keys(key).sort(), ['crv', 'kty', 'use', 'x', 'x5c', 'y'])
    assert.equal(key.use, 'x509-svid')
    assert.equal(key.x5c.length, 1)
  }
})

test('a SPIFFE bundle document is read back as it was', () => {
  assert.deepEqual(rootsPemOf(unwrap(readBundleJson(writeBundleJson(both), 'mesh.example'))), rootsPemOf(both))
  assert.deepEqual(rootsPemOf(unwrap(bundleFromPem('mesh.example', 7, rootsPemOf(both)))), rootsPemOf(both))
})

test('entries for other uses, of unknown types and without x5c are passed over, and of several certificates all but the first', () => {
  const x5c = pki.root.der.toString('base64')
  const other = next.root.der.toString('base64')
  const keys = [
    { use: 'jwt-svid', kty: 'EC', kid: '1' },
    { use: 'x509-svid', kty: 'EC' },
    { use: 'x509-svid', kty: 'EC', x5c: [] },
    { use: 'something', kty: 'new', x5c: [other] },
    { kty: 'EC', x5c: [other] },
    null,
    { use: 'x509-svid', kty: 'EC', x5c: [x5c, other] },
  ]
  const bundle = unwrap(readBundleJson(JSON.stringify({ keys }), 'mesh.example'))
  assert.deepEqual([bundle.sequence, bundle.roots.length, bundle.roots[0]?.der], [0, 1, pki.root.der])
  assert.equal(unwrap(readBundleJson('{"keys":[]}', 'mesh.example')).roots.length, 0)
})

test('what is not a bundle document is refused and never throws', () => {
  const wrong = [
    '',
    '[]',
    'null',
    '{}',
    '{"keys":{}}',
    '{"keys":[],"spiffe_sequence":"1"}',
    '{"keys":[],"spiffe_sequence":-1}',
  ]
  for (const text of wrong) assert(!readBundleJson(text, 'mesh.example').ok, text)
  assert(!readBundleJson('{"keys":[{"use":"x509-svid","x5c":["AAAA"]}]}', 'mesh.example').ok)
  assert(!readBundleJson('{"keys":[{"use":"x509-svid","x5c":[1]}]}', 'mesh.example').ok)
  assert(!readBundleJson('{"keys":[]}', 'Mesh.Example').ok)
  holds(property(string(), (text) => !readBundleJson(text, 'm').ok))
  holds(
    property(anything(), (keys) => typeof readBundleJson(JSON.stringify({ keys: [keys] }) ?? '', 'm').ok === 'boolean'),
  )
})

test('newerBundle never goes back, never changes trust domain, and refuses two contents for one sequence', () => {
  const first = unwrap(createBundle('mesh.example', 1, [pki.root]))
  const second = unwrap(createBundle('mesh.example', 2, [pki.root, next.root]))
  assert.equal(unwrap(newerBundle(undefined, first)), first)
  assert.equal(unwrap(newerBundle(first, second)), second)
  assert.equal(unwrap(newerBundle(second, unwrap(createBundle('mesh.example', 2, [next.root, pki.root])))), second)
  assert(!newerBundle(second, first).ok)
  assert(!newerBundle(second, { ...second, sequence: 1 }).ok)
  assert(!newerBundle(second, unwrap(createBundle('mesh.example', 2, [pki.root]))).ok)
  assert(!newerBundle(second, unwrap(createBundle('other.example', 3, [pki.root]))).ok)
})

const NO_ROOTS: readonly [string, Craft['extensions']][] = [
  ['is not a CA, although it may sign', { keyUsage: keyUsage(['keyCertSign']) }],
  ['is a CA that may not sign', { basicConstraints: basicConstraints(true) }],
  ['does not say what it may do', { basicConstraints: basicConstraints(true), keyUsage: undefined }],
]
for (const [what, extensions = {}] of NO_ROOTS) {
  test(`a bundle refuses a root that ${what}`, () => {
    const der = craftCertificate(pki.issuing, { extensions })
    assert(!createBundle('mesh.example', 1, [pki.root, unwrap(readCertificate(der))]).ok)
  })
}

test('a bundle refuses the leaf of a workload as a root', () => {
  assert(!bundleFromPem('mesh.example', 1, [toCertificatePem(pki.leaf(WEB).certificate)]).ok)
})

test('a bundle takes 32 roots and no more', () => {
  const id = idOf('spiffe://mesh.example')
  const roots = Array.from({ length: 33 }, () => issueRoot(generateKeyPair(), id, { wallMs: NOON, lifetimeMs: DAY_MS }))
  assert.equal(unwrap(createBundle('mesh.example', 1, roots.slice(1))).roots.length, 32)
  assert(!createBundle('mesh.example', 1, roots).ok)
})
