import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'ava'
import { createSigningRequest } from '../../../certs/csr.ts'
import { generateKeyPair } from '../../../certs/key-pair.ts'
import { readCertificatesPem } from '../../../certs/read-certificate.ts'
import { verifyChain } from '../../../certs/verify-chain.ts'
import { Authority } from '../../../control-plane/authority/authority.ts'
import { JoinTokens } from '../../../control-plane/authority/join-tokens.ts'
import type { SignRefusal } from '../../../control-plane/authority/sign-leaf.ts'
import { createSigning, type SignCredential } from '../../../control-plane/authority/signing.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { idOf, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { SettlingClock } from '../../sidecar/mtls/settling-clock.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'

const HOUR_MS = 3_600_000
const WEB = 'spiffe://mesh.example/ns/shop/sa/web'
const ORDERS = 'spiffe://mesh.example/ns/shop/sa/orders'
const CONTROL_PLANE = 'spiffe://mesh.example/ns/outrigger-system/sa/control-plane'

async function setting() {
  const registry = new FakeRegistry()
  const clock = new SettlingClock(NOON)
  const options = { registry, keyPrefix: 'outrigger/demo/authority/', trustDomain: 'mesh.example', clock }
  const signal = new AbortController().signal
  const authority = unwrap(
    await Authority.open({ ...options, sealKey: randomBytes(32), random: seededRandom(1) }, signal),
  )
  const tokens = new JoinTokens(registry, 'outrigger/demo/join-tokens/', clock)
  const signing = createSigning(authority, tokens)
  const make = async (namespace: string, serviceAccount: string, lifetimeMs = HOUR_MS): Promise<string> => {
    const expiresAtMs = NOON + lifetimeMs
    return unwrap(await tokens.create({ namespaces: [namespace], serviceAccounts: [serviceAccount], expiresAtMs })).text
  }
  /** Whose certificate is handed out, or why none is. */
  const sign = async (identity: string, credential: SignCredential): Promise<string | SignRefusal['kind']> => {
    const csrPem = createSigningRequest(generateKeyPair(), idOf(/^spiffe:/i.test(identity) ? identity : WEB))
    const signed = await signing.sign({ csrPem, identity }, credential)
    if (!signed.ok) return signed.error.kind
    const chain = unwrap(readCertificatesPem(signed.value.chainPem.join(''))).map(({ der }) => der)
    return unwrap(verifyChain(chain, authority.bundle, NOON)).id.text
  }
  return { registry, authority, make, sign, [Symbol.dispose]: () => authority[Symbol.dispose]() }
}

const asToken = (token: string): SignCredential => ({ kind: 'token', token })
const asPeer = (spiffeId: string): SignCredential => ({ kind: 'certificate', peer: { spiffeId } })

test('a token gets a certificate for the identity that it allows, a certificate one for its own', async () => {
  using at = await setting()
  assert.equal(await at.sign(WEB, asToken(await at.make('shop', 'web'))), WEB)
  assert.equal(await at.sign(ORDERS, asToken(await at.make('*', '*'))), ORDERS)
  assert.equal(await at.sign(WEB, asPeer(WEB)), WEB)
})

test('a token that does not allow the identity gets nothing, nor does one that is over, made up or missing', async () => {
  using at = await setting()
  for (const token of [
    await at.make('shop', 'orders'),
    await at.make('bank', 'web'),
    await at.make('shop', 'web', 0),
    `outrigger-join.0123456789abcdef.${'A'.repeat(43)}`,
    'nonsense',
    '',
  ]) {
    assert.equal(await at.sign(WEB, asToken(token)), 'denied', token)
  }
})

test('a token that can not be checked gets nothing yet', async () => {
  using at = await setting()
  at.registry.isAway = true
  assert.equal(await at.sign(WEB, asToken(`outrigger-join.0123456789abcdef.${'A'.repeat(43)}`)), 'unavailable')
})

test('a certificate gets none for another identity', async () => {
  using at = await setting()
  for (const other of [ORDERS, `${WEB}2`, WEB.slice(0, -1), 'spiffe://other.example/ns/shop/sa/web', '']) {
    assert.equal(await at.sign(WEB, asPeer(other)), 'denied', other)
  }
})

test('nobody gets the identity of the control plane, not even its own bearer', async () => {
  using at = await setting()
  assert.equal(await at.sign(CONTROL_PLANE, asToken(await at.make('*', '*'))), 'denied')
  assert.equal(await at.sign(CONTROL_PLANE, asPeer(CONTROL_PLANE)), 'denied')
  for (const spelling of [CONTROL_PLANE.replace('spiffe', 'SPIFFE'), CONTROL_PLANE.replace('mesh', 'MESH')]) {
    assert.equal(await at.sign(spelling, asToken(await at.make('*', '*'))), 'denied', spelling)
    assert.equal(await at.sign(spelling, asPeer(CONTROL_PLANE)), 'denied', spelling)
  }
})

test('what is no identity of a workload here is refused, whoever asks for it', async () => {
  using at = await setting()
  const token = asToken(await at.make('*', '*'))
  for (const identity of ['spiffe://other.example/ns/shop/sa/web', 'spiffe://mesh.example/web', 'nonsense', '']) {
    assert.equal(await at.sign(identity, token), 'invalid', identity)
    assert.equal(await at.sign(identity, asPeer(identity)), 'invalid', identity)
  }
})
