import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'ava'
import { readCertificatesPem } from '../../../certs/read-certificate.ts'
import { verifyChain } from '../../../certs/verify-chain.ts'
import { Authority } from '../../../control-plane/authority/authority.ts'
import { readState, writeState } from '../../../control-plane/authority/authority-state.ts'
import { ServerCertificate } from '../../../control-plane/authority/server-certificate.ts'
import { signRefusal } from '../../../control-plane/authority/sign-leaf.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { DAY_MS, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { SettlingClock } from '../../sidecar/mtls/settling-clock.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'

async function setting(lifetimes: { readonly leafLifetimeMs: number; readonly issuingLifetimeMs?: number }) {
  const registry = new FakeRegistry()
  const clock = new SettlingClock(NOON)
  const random = seededRandom(1)
  const sealKey = randomBytes(32)
  const options = { registry, keyPrefix: 'a/', trustDomain: 'mesh.example', sealKey, clock, random }
  const authority = unwrap(await Authority.open({ ...options, ...lifetimes }, new AbortController().signal))
  const server = new ServerCertificate(authority, clock, seededRandom(3))
  const isGood = (): boolean => {
    const chain = unwrap(readCertificatesPem(server.current?.chainPem.join('') ?? '')).map(({ der }) => der)
    const verified = verifyChain(chain, authority.bundle, clock.wallMs())
    return verified.ok && verified.value.id.text === 'spiffe://mesh.example/ns/outrigger-system/sa/control-plane'
  }
  return {
    registry,
    clock,
    sealKey,
    authority,
    server,
    isGood,
    [Symbol.dispose]() {
      server[Symbol.dispose]()
      authority[Symbol.dispose]()
    },
  }
}

test('the control plane has a certificate of its own, and renews it before it ends', async () => {
  using at = await setting({ leafLifetimeMs: 100_000 })
  const seen: string[] = []
  using _subscription = at.server.subscribe(({ chainPem }) => seen.push(chainPem.join('')))
  assert.equal(seen.length, 1, 'the one that is there already')
  for (let i = 0; i < 10; i++) {
    await at.clock.turn(30_000)
    assert(at.isGood())
  }
  assert(seen.length >= 5 && seen.length <= 7, `${seen.length} certificates`)
})

test('who was told of certificates hears no more after the end', async () => {
  using at = await setting({ leafLifetimeMs: 100_000 })
  let count = 0
  at.server.subscribe(() => count++)
  at.server[Symbol.dispose]()
  await at.clock.turn(DAY_MS)
  assert.equal(count, 1)
})

test('a certificate that can not be renewed is asked for again, until it can', async () => {
  using at = await setting({ leafLifetimeMs: 100_000, issuingLifetimeMs: 200_000 })
  at.registry.isAway = true
  await at.clock.turn(300_000)
  assert(!at.isGood())
  at.registry.isAway = false
  await at.clock.turn(180_000)
  assert(at.isGood())
})

test('a machine that slept through the renewal has a new certificate within a minute of waking', async () => {
  using at = await setting({ leafLifetimeMs: DAY_MS })
  const first = at.server.current
  at.clock.suspend(2 * DAY_MS)
  await at.clock.turn(60_000)
  assert.notEqual(at.server.current, first)
  assert(at.isGood())
})

test('tries go further and further apart, and after a success close together again', async () => {
  using at = await setting({ leafLifetimeMs: 100_000, issuingLifetimeMs: 1_000_000 })
  /** When it asked for a certificate that it did not get. */
  const asked: number[] = []
  const sign = at.authority.sign.bind(at.authority)
  let isAway = false
  at.authority.sign = (...args) => {
    if (!isAway) return sign(...args)
    asked.push(at.clock.nowMs())
    return signRefusal('unavailable', 'not now')
  }
  const gaps = async (): Promise<readonly number[]> => {
    isAway = true
    asked.length = 0
    await at.clock.turn(90_000)
    isAway = false
    await at.clock.turn(10_000)
    return asked.slice(1).map((ms, i) => ms - (asked[i] ?? 0))
  }
  for (const all of [await gaps(), await gaps()]) {
    const [first = 0, second = 0] = all
    assert(first <= 500 && second <= 1_000, all.join())
    assert(Math.max(...all) > 1_000, all.join())
  }
})

test('a certificate that was disposed of follows no roots any more', async () => {
  using at = await setting({ leafLifetimeMs: DAY_MS })
  const held = at.server.current
  at.server[Symbol.dispose]()
  const entry = unwrap(await at.registry.get('a/state'))
  const state = unwrap(readState(entry?.value ?? Buffer.of(), 'mesh.example', at.sealKey))
  await at.registry.put('a/state', writeState({ ...state, sequence: 2 }, at.sealKey))
  assert.equal(at.authority.trust.sequence, 2)
  assert.equal(at.server.current, held)
})
