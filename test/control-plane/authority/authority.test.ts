import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import test from 'ava'
import { issueLeaf } from '../../../certs/certificate.ts'
import { createSigningRequest } from '../../../certs/csr.ts'
import { generateKeyPair } from '../../../certs/key-pair.ts'
import { readCertificatesPem } from '../../../certs/read-certificate.ts'
import { verifyChain } from '../../../certs/verify-chain.ts'
import { basicConstraints, keyUsage, uriNames } from '../../../certs/write-extensions.ts'
import { Authority, type AuthorityOptions } from '../../../control-plane/authority/authority.ts'
import {
  type AuthorityState,
  createState,
  readState,
  renewIssuing,
  writeState,
} from '../../../control-plane/authority/authority-state.ts'
import { EmbeddedRegistry } from '../../../control-plane/registry/embedded/embedded-registry.ts'
import type { Lock } from '../../../control-plane/registry/registry.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { anyNames, craftRequest } from '../../certs/craft-certificate.ts'
import { DAY_MS, idOf, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { SettlingClock } from '../../sidecar/mtls/settling-clock.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'

const WEB = 'spiffe://mesh.example/ns/shop/sa/web'
const STATE_KEY = 'outrigger/demo/authority/state'
const never = new AbortController().signal

function setting(changes: Partial<AuthorityOptions> = {}) {
  const registry = new FakeRegistry()
  const clock = new SettlingClock(NOON)
  const options: AuthorityOptions = {
    registry,
    keyPrefix: 'outrigger/demo/authority/',
    trustDomain: 'mesh.example',
    sealKey: randomBytes(32),
    clock,
    random: seededRandom(1),
    ...changes,
  }
  return { registry, clock, options }
}

const openAuthority = async (options: AuthorityOptions): Promise<Authority> =>
  unwrap(await Authority.open(options, never))

const requestFor = (id: string): string => createSigningRequest(generateKeyPair(), idOf(id))

function chainOf(authority: Authority, id = WEB) {
  const signed = unwrap(authority.sign(requestFor(id), id))
  return unwrap(readCertificatesPem(signed.chainPem.join(''))).map((certificate) => certificate.der)
}

test('an authority signs a leaf that verifies against the roots it publishes and lives as long as configured', async () => {
  const { clock, options } = setting({ leafLifetimeMs: 20_000 })
  using authority = await openAuthority(options)
  const verified = unwrap(verifyChain(chainOf(authority), authority.bundle, clock.wallMs()))
  assert.equal(verified.id.text, WEB)
  assert.equal(verified.notAfterMs, NOON + 20_000)
  assert.equal(authority.trust.sequence, 1)
  assert.equal(authority.trust.rootsPem.length, 1)
})

test('replicas that open at the same moment share one root and one issuing certificate', async () => {
  const { registry, options } = setting()
  const replicas = await Promise.all([1, 2, 3, 4].map(() => openAuthority(options)))
  assert.equal(new Set(replicas.map((replica) => replica.trust.rootsPem.join())).size, 1)
  assert.equal(registry.writeCounts.get(STATE_KEY), 1)
  const [first, second] = replicas
  assert(first !== undefined && second !== undefined)
  assert(verifyChain(chainOf(first), second.bundle, NOON).ok)
  for (const replica of replicas) replica[Symbol.dispose]()
})

test('no private key stands in the registry in the open', async () => {
  const { registry, options } = setting()
  using _authority = await openAuthority(options)
  const entry = unwrap(await registry.get(STATE_KEY))
  const text = entry?.value.toString() ?? ''
  assert(text.includes('BEGIN CERTIFICATE'))
  assert(!text.includes('PRIVATE KEY'))
})

test('an authority refuses a seal key that does not open what is stored, and stores nothing', async () => {
  const { registry, options } = setting()
  using _first = await openAuthority(options)
  const second = await Authority.open({ ...options, sealKey: randomBytes(32) }, never)
  assert(!second.ok)
  assert.match(second.error, /stays closed/)
  assert.equal(registry.writeCounts.get(STATE_KEY), 1)
})

test('an authority refuses the state of another trust domain', async () => {
  const { options } = setting()
  using _first = await openAuthority(options)
  const second = await Authority.open({ ...options, trustDomain: 'other.example' }, never)
  assert(!second.ok)
  assert.match(second.error, /trust domain "mesh.example"/)
})

test('an authority does not open without its registry, and says so', async () => {
  const { registry, options } = setting()
  registry.isAway = true
  const opened = await Authority.open(options, never)
  assert(!opened.ok)
  assert.match(opened.error, /unavailable/)
})

test('an authority refuses leaves that live under 10 s', async () => {
  const { options } = setting({ leafLifetimeMs: 9_999 })
  assert.equal((await Authority.open(options, never)).ok, false)
})

test('signing goes on while the registry is away, until the issuing certificate is over', async () => {
  const { registry, clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  using authority = await openAuthority(options)
  registry.isAway = true
  await clock.turn(9 * DAY_MS)
  assert(verifyChain(chainOf(authority), authority.bundle, clock.wallMs()).ok)
  assert.match(authority.lastProblem ?? '', /not renewed/)
  await clock.turn(DAY_MS)
  const signed = authority.sign(requestFor(WEB), WEB)
  assert(!signed.ok)
  assert.equal(signed.error.kind, 'unavailable')
  registry.isAway = false
  await clock.turn(120_000)
  assert(verifyChain(chainOf(authority), authority.bundle, clock.wallMs()).ok)
  assert.equal(authority.lastProblem, undefined)
})

test('the issuing certificate is renewed at 50–70 % of its life, by one replica, and leaves of both verify', async () => {
  const { registry, clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  using first = await openAuthority(options)
  using second = await openAuthority({ ...options, random: seededRandom(2) })
  const before = chainOf(first)
  await clock.turn(4.9 * DAY_MS)
  assert.equal(registry.writeCounts.get(STATE_KEY), 1)
  await clock.turn(2.2 * DAY_MS)
  assert.equal(registry.writeCounts.get(STATE_KEY), 2)
  assert.equal(first.issuingNotAfterMs, second.issuingNotAfterMs)
  assert(first.issuingNotAfterMs > NOON + 14 * DAY_MS)
  assert(verifyChain(before, second.bundle, NOON).ok)
  assert(verifyChain(chainOf(second), first.bundle, clock.wallMs()).ok)
  assert.equal(first.trust.sequence, 1)
})

test('replicas that renew at the same moment make one issuing certificate', async () => {
  const { registry, clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  using first = await openAuthority({ ...options, random: () => 0.5 })
  using second = await openAuthority({ ...options, random: () => 0.5 })
  // both wait for the lock, so the second finds what the first has made
  const lock = await registry.acquireLock('outrigger/demo/authority/lock', never)
  await clock.turn(7 * DAY_MS)
  assert.equal(registry.writeCounts.get(STATE_KEY), 1)
  await lock?.release()
  await clock.turn(1)
  assert.equal(registry.writeCounts.get(STATE_KEY), 2)
  assert.equal(first.issuingNotAfterMs, second.issuingNotAfterMs)
})

test('new roots in the registry are published, and older ones are not taken', async () => {
  const { registry, options } = setting()
  using authority = await openAuthority(options)
  const sequences: number[] = []
  using _subscription = authority.onTrust(({ sequence }) => sequences.push(sequence))
  const first = await registry.get(STATE_KEY)
  const held = unwrap(readState(unwrap(first)?.value ?? Buffer.of(), 'mesh.example', options.sealKey))
  const second = createState(idOf('spiffe://mesh.example'), { rootMs: DAY_MS, issuingMs: DAY_MS }, NOON)
  const both = { ...held, sequence: 2, roots: [...held.roots, ...second.roots], issuing: second.issuing }
  await registry.put(STATE_KEY, writeState(both, options.sealKey))
  assert.equal(authority.trust.rootsPem.length, 2)
  assert.equal(authority.issuingNotAfterMs, second.issuing.certificate.notAfterMs)
  await registry.put(STATE_KEY, writeState(held, options.sealKey))
  assert.equal(authority.trust.sequence, 2)
  assert.equal(authority.issuingNotAfterMs, second.issuing.certificate.notAfterMs)
  assert.match(authority.lastProblem ?? '', /went back/)
  assert.deepEqual(sequences, [1, 2])
})

test('who follows the roots hears of each change of them, and of nothing else', async () => {
  const { registry, clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  using authority = await openAuthority(options)
  const sequences: number[] = []
  const subscription = authority.onTrust(({ sequence }) => sequences.push(sequence))
  await clock.turn(8 * DAY_MS)
  assert.equal(registry.writeCounts.get(STATE_KEY), 2, 'the issuing certificate was renewed')
  const held = unwrap(await registry.get(STATE_KEY))?.value ?? Buffer.of()
  await registry.put(STATE_KEY, held)
  assert.deepEqual(sequences, [1])
  const state = unwrap(readState(held, 'mesh.example', options.sealKey))
  const more = createState(idOf('spiffe://mesh.example'), { rootMs: DAY_MS, issuingMs: DAY_MS }, NOON).roots
  const withMore = (sequence: number): Buffer =>
    writeState({ ...state, sequence, roots: [...state.roots, ...more] }, options.sealKey)
  await registry.put(STATE_KEY, withMore(2))
  assert.deepEqual([sequences, authority.trust.rootsPem.length], [[1, 2], 2])
  subscription[Symbol.dispose]()
  await registry.put(STATE_KEY, withMore(3))
  assert.deepEqual([sequences, authority.trust.sequence], [[1, 2], 3])
})

test('a state whose keys and certificates do not belong together is refused', () => {
  const key = randomBytes(32)
  const id = idOf('spiffe://mesh.example')
  const lifetimes = { rootMs: DAY_MS, issuingMs: DAY_MS }
  const one = createState(id, lifetimes, NOON)
  const two = createState(id, lifetimes, NOON)
  const problemOf = (state: AuthorityState): string => {
    const read = readState(writeState(state, key), 'mesh.example', key)
    return read.ok ? '' : read.error
  }
  assert.equal(problemOf(one), '')
  assert.match(problemOf({ ...one, issuing: two.issuing }), /no root signed/)
  const swapped = { certificate: one.issuing.certificate, keyPair: two.issuing.keyPair }
  assert.match(problemOf({ ...one, issuing: swapped }), /another certificate's/)
  const issuer = { certificate: one.issuing.certificate, privateKey: one.issuing.keyPair.privateKey }
  const leaf = issueLeaf(generateKeyPair().publicKey, idOf(WEB), issuer, { wallMs: NOON, lifetimeMs: DAY_MS })
  const noRoot = { certificate: leaf, keyPair: undefined }
  assert.match(problemOf({ ...one, roots: [...one.roots, noRoot] }), /the root certificate is not a CA/)
  assert.match(
    problemOf({ ...one, issuing: { certificate: leaf, keyPair: one.issuing.keyPair } }),
    /the issuing certificate is not a CA/,
  )
})

test('an authority works on the embedded registry: replicas share what stands there and renew it', async () => {
  const { clock, options } = setting({ issuingLifetimeMs: 60_000, leafLifetimeMs: 10_000 })
  await using registry = unwrap(EmbeddedRegistry.open(':memory:', { clock, random: seededRandom(4) }))
  using first = await openAuthority({ ...options, registry })
  using second = await openAuthority({ ...options, registry, random: seededRandom(5) })
  assert.equal(first.issuingNotAfterMs, second.issuingNotAfterMs)
  await clock.turn(50_000)
  assert(first.issuingNotAfterMs > NOON + 60_000)
  assert.equal(first.issuingNotAfterMs, second.issuingNotAfterMs)
  assert(verifyChain(chainOf(second), first.bundle, clock.wallMs()).ok)
  assert.equal(first.lastProblem ?? second.lastProblem, undefined)
})

test('a request that asks for more than the identity is refused: a second URI, a DNS name, a CA', async () => {
  const { options } = setting()
  using authority = await openAuthority(options)
  const dns = anyNames([
    [6, Buffer.from(WEB)],
    [2, Buffer.from('web.shop.svc')],
  ])
  for (const extensions of [
    [uriNames([WEB, 'spiffe://mesh.example/ns/shop/sa/admin'], true)],
    [uriNames([WEB, WEB], true)],
    [dns],
    [uriNames([WEB], true), basicConstraints(true)],
    [keyUsage(['digitalSignature'])],
  ]) {
    const signed = authority.sign(craftRequest(extensions), WEB)
    assert(!signed.ok)
    assert.equal(signed.error.kind, 'invalid')
  }
  assert(authority.sign(craftRequest([uriNames([WEB], true)]), WEB).ok)
})

test('a request for a key that is not ECDSA P-256 is refused', async () => {
  const { options } = setting()
  using authority = await openAuthority(options)
  for (const namedCurve of ['secp384r1', 'secp521r1', 'secp256k1']) {
    const signed = authority.sign(createSigningRequest(generateKeyPairSync('ec', { namedCurve }), idOf(WEB)), WEB)
    assert(!signed.ok, namedCurve)
    assert.equal(signed.error.kind, 'invalid')
  }
})

test('an authority that was disposed of while it waited to renew renews nothing after', async () => {
  const { registry, clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  const authority = await openAuthority(options)
  const lock = await registry.acquireLock('outrigger/demo/authority/lock', never)
  await clock.turn(7 * DAY_MS)
  authority[Symbol.dispose]()
  const notAfterMs = authority.issuingNotAfterMs
  await lock?.release()
  await clock.turn(60 * DAY_MS)
  assert((registry.writeCounts.get(STATE_KEY) ?? 0) <= 2, 'at most the one that was under way')
  assert.equal(authority.issuingNotAfterMs, notAfterMs)
})

/** A registry in which something happens between the read under the lock and the write that follows. */
class RacingRegistry extends FakeRegistry {
  readonly #lost = new AbortController()
  race: 'lock-lost' | 'overtaken' | undefined
  overtaker: Buffer | undefined

  override async acquireLock(key: string, signal: AbortSignal): Promise<Lock | undefined> {
    const lock = await super.acquireLock(key, signal)
    if (this.race === 'lock-lost') this.#lost.abort()
    return lock === undefined ? undefined : { ...lock, lost: this.#lost.signal }
  }

  override async get(key: string): ReturnType<FakeRegistry['get']> {
    const found = await super.get(key)
    if (key === STATE_KEY && this.race === 'overtaken' && this.overtaker !== undefined) {
      const value = this.overtaker
      this.overtaker = undefined
      await super.put(key, value)
    }
    return found
  }
}

test('an authority whose lock was lost writes no renewal', async () => {
  const { clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  const registry = new RacingRegistry()
  using authority = await openAuthority({ ...options, registry })
  registry.race = 'lock-lost'
  await clock.turn(7 * DAY_MS)
  assert.equal(registry.writeCounts.get(STATE_KEY), 1)
  assert.match(authority.lastProblem ?? '', /fenced/)
})

test('a state that is gone is not made anew by a renewal: signing goes on with what is held', async () => {
  const { registry, clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  using authority = await openAuthority(options)
  await registry.delete(STATE_KEY)
  await clock.turn(8 * DAY_MS)
  assert.equal(unwrap(await registry.get(STATE_KEY)), undefined)
  assert.match(authority.lastProblem ?? '', /not renewed: the authority's state is gone/)
  assert(authority.sign(requestFor(WEB), WEB).ok)
})

test('a renewal does not overwrite the state that another replica wrote meanwhile', async () => {
  const { clock, options } = setting({ issuingLifetimeMs: 10 * DAY_MS })
  const registry = new RacingRegistry()
  using authority = await openAuthority({ ...options, registry, random: () => 0.5 })
  const held = unwrap(
    readState(unwrap(await registry.get(STATE_KEY))?.value ?? Buffer.of(), 'mesh.example', options.sealKey),
  )
  const theirs = unwrap(
    renewIssuing(held, idOf('spiffe://mesh.example'), { wallMs: NOON + 5 * DAY_MS, lifetimeMs: 30 * DAY_MS }),
  )
  registry.overtaker = writeState(theirs, options.sealKey)
  registry.race = 'overtaken'
  // with this chance it renews at 60 % of ten days, and tries again half a second later
  await clock.turn(6 * DAY_MS)
  assert.equal(registry.writeCounts.get(STATE_KEY), 2)
  assert.equal(authority.issuingNotAfterMs, theirs.issuing.certificate.notAfterMs)
  assert.equal(authority.lastProblem, undefined)
  // theirs is good for 30 days from the fifth on: nothing is to be renewed on the tenth
  await clock.turn(4 * DAY_MS)
  assert.equal(registry.writeCounts.get(STATE_KEY), 2)
})

test('a short-lived issuing certificate is not renewed in a loop', async () => {
  const { registry, clock, options } = setting({ issuingLifetimeMs: 60_000, leafLifetimeMs: 10_000 })
  using _authority = await openAuthority(options)
  await clock.turn(10 * 60_000)
  const count = registry.writeCounts.get(STATE_KEY) ?? 0
  assert(count >= 14 && count <= 21, `${count} writes`)
})

test('a damaged or older state in the registry is not taken, and signing goes on', async () => {
  const { registry, options } = setting()
  using authority = await openAuthority(options)
  const kept = unwrap(await registry.get(STATE_KEY))?.value ?? Buffer.of()
  await registry.put(STATE_KEY, Buffer.from('{"format":1}'))
  assert.match(authority.lastProblem ?? '', /format/)
  assert(verifyChain(chainOf(authority), authority.bundle, NOON).ok)
  await registry.delete(STATE_KEY)
  assert.match(authority.lastProblem ?? '', /gone/)
  assert(authority.sign(requestFor(WEB), WEB).ok)
  await registry.put(STATE_KEY, kept)
  assert.equal(authority.lastProblem, undefined)
})

const WRONG: readonly [string, string, string, RegExp][] = [
  ['another trust domain', requestFor(WEB), 'spiffe://other.example/ns/shop/sa/web', /trust domain/],
  ['an identity that is no workload', requestFor(WEB), 'spiffe://mesh.example/web', /expected \/ns\//],
  ['no SPIFFE ID', requestFor(WEB), 'https://mesh.example/ns/shop/sa/web', /does not begin/],
  ['another identity than the request names', requestFor('spiffe://mesh.example/ns/shop/sa/admin'), WEB, /no other/],
  ['a name as long as the identity', requestFor('spiffe://mesh.example/ns/shop/sa/wet'), WEB, /no other/],
  ['that name of another trust domain', requestFor('spiffe://mash.example/ns/shop/sa/web'), WEB, /no other/],
  ['what is not a request', 'nonsense', WEB, /no CERTIFICATE REQUEST/],
]
for (const [what, csr, identity, sentence] of WRONG) {
  test(`an authority refuses to sign for ${what}`, async () => {
    const { options } = setting()
    using authority = await openAuthority(options)
    const signed = authority.sign(csr, identity)
    assert(!signed.ok)
    assert.equal(signed.error.kind, 'invalid')
    assert.match(signed.error.detail, sentence)
  })
}

test('one identity that asks in a loop is limited, and others are not', async () => {
  const { clock, options } = setting()
  using authority = await openAuthority(options)
  const csr = requestFor(WEB)
  const outcomes = Array.from({ length: 130 }, () => authority.sign(csr, WEB).ok)
  assert.equal(outcomes.filter(Boolean).length, 100)
  const other = 'spiffe://mesh.example/ns/shop/sa/orders'
  assert(authority.sign(requestFor(other), other).ok)
  await clock.turn(1_000)
  assert(authority.sign(csr, WEB).ok)
})
