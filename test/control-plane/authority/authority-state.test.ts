import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'ava'
import { issueIssuing } from '../../../certs/certificate.ts'
import { generateKeyPair } from '../../../certs/key-pair.ts'
import {
  type AuthorityState,
  createState,
  readState,
  renewIssuing,
  writeState,
} from '../../../control-plane/authority/authority-state.ts'
import { DAY_MS, idOf, NOON, unwrap } from '../../certs/mesh-pki.ts'

const key = randomBytes(32)
const id = idOf('spiffe://mesh.example')
const made = (rootDays: number): AuthorityState =>
  createState(id, { rootMs: rootDays * DAY_MS, issuingMs: DAY_MS }, NOON)
const [old, current, next] = [made(10), made(100), made(1_000)] as const

type Root = AuthorityState['roots'][number]
const rootOf = ({ roots: [root] }: AuthorityState): Root => {
  assert(root !== undefined)
  return root
}
/** A root whose private key is kept elsewhere. */
const offline = (state: AuthorityState): Root => ({ ...rootOf(state), keyPair: undefined })

/** Who signs the next issuing certificate, `days` from now. */
function signerOf(roots: readonly Root[], days: number): Root | string {
  const renewed = renewIssuing({ ...old, roots }, id, { wallMs: NOON + days * DAY_MS, lifetimeMs: DAY_MS })
  if (!renewed.ok) return renewed.error
  const issuer = renewed.value.issuing.certificate.authorityKeyId
  const signer = roots.find(({ certificate }) => certificate.subjectKeyId === issuer)
  assert(signer !== undefined)
  return signer
}

test('the issuing certificate is renewed by the newest root whose key is here and that still lives', () => {
  const both = [rootOf(old), rootOf(current)]
  assert.equal(signerOf(both, 1), both[1])
  assert.equal(signerOf([both[1] as Root, both[0] as Root], 20), both[1])
  const kept = [rootOf(current), offline(next)]
  assert.equal(signerOf(kept, 1), kept[0])
})

test('without a root that has its key and lives nothing is renewed, and the reason is said', () => {
  for (const [roots, days] of [
    [[offline(next)], 1],
    [[rootOf(old)], 10],
    [[rootOf(old)], 11],
    [[rootOf(old), offline(next)], 11],
    [[], 1],
  ] as const) {
    assert.match(String(signerOf(roots, days)), /no root has a private key here and is still valid/)
  }
})

test('a state is read back as it was, with roots whose keys are elsewhere', () => {
  const state = { ...current, sequence: 7, roots: [rootOf(current), offline(next)] }
  const read = unwrap(readState(writeState(state, key), 'mesh.example', key))
  assert.equal(read.sequence, 7)
  assert.deepEqual(
    read.roots.map(({ certificate, keyPair }) => [certificate.serial, keyPair === undefined]),
    state.roots.map(({ certificate, keyPair }) => [certificate.serial, keyPair === undefined]),
  )
})

/** A state as it stands in the registry, with something changed. */
const damaged = (change: (stored: Record<string, unknown>) => void): Buffer => {
  const stored = JSON.parse(writeState(current, key).toString())
  change(stored)
  return Buffer.from(JSON.stringify(stored))
}
const issuingOf = (stored: Record<string, unknown>) => stored['issuing'] as Record<string, unknown>

const DAMAGED: readonly (readonly [string, Buffer, RegExp])[] = [
  ['no JSON', Buffer.from('{'), /not JSON/],
  ['null', Buffer.from('null'), /format/],
  ['another format', damaged((stored) => Object.assign(stored, { format: 2 })), /format/],
  ['no sequence', damaged((stored) => delete stored['sequence']), /format/],
  ['no roots', damaged((stored) => delete stored['roots']), /format/],
  ['no issuing certificate', damaged((stored) => delete stored['issuing']), /format/],
  ['null for the issuing certificate', damaged((stored) => Object.assign(stored, { issuing: null })), /format/],
  ['a root that is null', damaged((stored) => Object.assign(stored, { roots: [null] })), /format/],
  ['a key that is no text', damaged((stored) => Object.assign(issuingOf(stored), { sealedKey: 7 })), /format/],
  [
    'a certificate that is no text',
    damaged((stored) => Object.assign(issuingOf(stored), { certificatePem: 7 })),
    /format/,
  ],
  ['a sequence below zero', damaged((stored) => Object.assign(stored, { sequence: -1 })), /format/],
  ['an empty list of roots', damaged((stored) => Object.assign(stored, { roots: [] })), /no root signed/],
  [
    'a certificate that is none',
    damaged((stored) => Object.assign(issuingOf(stored), { certificatePem: 'nonsense' })),
    /the issuing certificate is not readable/,
  ],
  [
    'an issuing certificate without its key',
    damaged((stored) => delete issuingOf(stored)['sealedKey']),
    /the issuing certificate has no private key/,
  ],
  [
    'a key that is sealed for another certificate',
    damaged((stored) => {
      const [root] = stored['roots'] as Record<string, unknown>[]
      Object.assign(issuingOf(stored), { sealedKey: root?.['sealedKey'] })
    }),
    /stays closed/,
  ],
]
for (const [what, value, says] of DAMAGED) {
  test(`a state in the registry is refused: ${what}`, () => {
    const read = readState(value, 'mesh.example', key)
    assert(!read.ok)
    assert.match(read.error, says)
  })
}

/** An issuing certificate of `signer` that calls the root of `current` its issuer. */
function impostor(signer: AuthorityState): AuthorityState['issuing'] {
  const keyPair = generateKeyPair()
  const issuer = { certificate: rootOf(current).certificate, privateKey: signer.issuing.keyPair.privateKey }
  return { certificate: issueIssuing(keyPair.publicKey, id, issuer, { wallMs: NOON, lifetimeMs: DAY_MS }), keyPair }
}

test('an issuing certificate that only names a root as its issuer is refused', () => {
  const read = readState(writeState({ ...current, issuing: impostor(next) }, key), 'mesh.example', key)
  assert(!read.ok)
  assert.match(read.error, /no root signed/)
})

test('a private key opens for its own certificate, in its own role, and for no other', () => {
  const [from, to] = [current, next].map((state) => JSON.parse(writeState(state, key).toString()))
  const sameRole = { ...from, issuing: { ...from.issuing, sealedKey: to.issuing.sealedKey } }
  // the same certificate and key in both roles: only the role differs
  const [root] = from.roots
  const otherRole = { ...from, issuing: root }
  for (const stored of [sameRole, otherRole]) {
    const read = readState(Buffer.from(JSON.stringify(stored)), 'mesh.example', key)
    assert(!read.ok)
    assert.match(read.error, /stays closed/)
  }
})
