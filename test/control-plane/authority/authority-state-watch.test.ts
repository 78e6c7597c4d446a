import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'ava'
import { createSigningRequest } from '../../../certs/csr.ts'
import { generateKeyPair } from '../../../certs/key-pair.ts'
import { Authority } from '../../../control-plane/authority/authority.ts'
import {
  type AuthorityState,
  createState,
  readState,
  writeState,
} from '../../../control-plane/authority/authority-state.ts'
import type { Lock } from '../../../control-plane/registry/registry.ts'
import { DAY_MS, idOf, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { SettlingClock } from '../../sidecar/mtls/settling-clock.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'

const PREFIX = 'outrigger/demo/authority/'
const STATE_KEY = `${PREFIX}state`
const WEB = 'spiffe://mesh.example/ns/shop/sa/web'
const never = new AbortController().signal

/** A registry that notes when the lock was asked for, and which reads had to be consistent. */
class NotingRegistry extends FakeRegistry {
  readonly #clock: SettlingClock
  readonly lockedMs: number[] = []
  readonly reads: string[] = []

  constructor(clock: SettlingClock) {
    super()
    this.#clock = clock
  }

  override async acquireLock(key: string, signal: AbortSignal): Promise<Lock | undefined> {
    this.lockedMs.push(this.#clock.nowMs())
    return super.acquireLock(key, signal)
  }

  override async get(key: string, options: { readonly consistent?: boolean } = {}): ReturnType<FakeRegistry['get']> {
    this.reads.push(`${key} ${options.consistent ?? false}`)
    return super.get(key)
  }
}

/** An authority whose issuing certificate lives ten days and is renewed at 60 % of that. */
async function setting() {
  const clock = new SettlingClock(NOON)
  const registry = new NotingRegistry(clock)
  const sealKey = randomBytes(32)
  const options = { registry, clock, sealKey, keyPrefix: PREFIX, trustDomain: 'mesh.example', random: () => 0.5 }
  const authority = unwrap(await Authority.open({ ...options, issuingLifetimeMs: 10 * DAY_MS }, never))
  const stored = async (): Promise<Buffer> => unwrap(await registry.get(STATE_KEY))?.value ?? Buffer.of()
  const put = (state: AuthorityState): Promise<unknown> => registry.put(STATE_KEY, writeState(state, sealKey))
  const state = unwrap(readState(await stored(), 'mesh.example', sealKey))
  return {
    clock,
    registry,
    authority,
    state,
    put,
    writeCount: () => registry.writeCounts.get(STATE_KEY) ?? 0,
    [Symbol.dispose]: () => authority[Symbol.dispose](),
  }
}

test('a registry that went back to an older state stops no renewal for good', async () => {
  using at = await setting()
  await at.put({ ...at.state, sequence: 2 })
  await at.put(at.state)
  assert.match(at.authority.lastProblem ?? '', /went back from sequence 2 to 1/)
  const heldNotAfterMs = at.authority.issuingNotAfterMs
  await at.clock.turn(6.1 * DAY_MS)
  assert.equal(at.authority.issuingNotAfterMs, heldNotAfterMs)
  await at.put({ ...at.state, sequence: 2 })
  await at.clock.turn(60_000)
  assert(at.authority.issuingNotAfterMs > heldNotAfterMs)
  assert.equal(at.authority.lastProblem, undefined)
})

test('other roots under the sequence that is held are not taken, neither to publish nor to judge peers by', async () => {
  using at = await setting()
  const [stranger] = createState(idOf('spiffe://mesh.example'), { rootMs: DAY_MS, issuingMs: DAY_MS }, NOON).roots
  assert(stranger !== undefined)
  await at.put({ ...at.state, roots: [...at.state.roots, { ...stranger, keyPair: undefined }] })
  assert.match(at.authority.lastProblem ?? '', /other roots under the same sequence 1/)
  assert.deepEqual([at.authority.bundle.roots.length, at.authority.trust.rootsPem.length], [1, 1])
  await at.put(at.state)
  assert.equal(at.authority.lastProblem, undefined)
})

test('a key beside the state is not taken for it', async () => {
  using at = await setting()
  await at.registry.put(`${STATE_KEY}-copy`, Buffer.from('nonsense'))
  assert.equal(at.authority.lastProblem, undefined)
  await at.registry.delete(STATE_KEY)
  assert.match(at.authority.lastProblem ?? '', /gone/)
})

test('the state is read from no stale replica', async () => {
  using at = await setting()
  at.registry.reads.length = 0
  await at.clock.turn(6.1 * DAY_MS)
  assert.deepEqual(at.registry.reads, [`${STATE_KEY} true`])
})

test('tries to renew go further and further apart, and after a success close together again', async () => {
  using at = await setting()
  const gaps = async (): Promise<readonly number[]> => {
    at.registry.isAway = true
    at.registry.lockedMs.length = 0
    // past the next renewal, and not past the end
    await at.clock.turn(7 * DAY_MS)
    at.registry.isAway = false
    return at.registry.lockedMs.slice(1).map((ms, i) => ms - (at.registry.lockedMs[i] ?? 0))
  }
  const first = await gaps()
  assert.deepEqual(first.slice(0, 8), [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  await at.clock.turn(60_000)
  assert.equal(at.writeCount(), 2)
  assert.deepEqual((await gaps()).slice(0, 3), [500, 1_000, 2_000])
})

test('a machine that slept through the renewal renews within a minute of waking', async () => {
  using at = await setting()
  await at.clock.turn(1_000)
  at.clock.suspend(9 * DAY_MS)
  await at.clock.turn(60_000)
  assert.equal(at.writeCount(), 2)
})

test('an authority that was disposed of leaves no timer', async () => {
  using at = await setting()
  await at.clock.turn(1_000)
  at.authority[Symbol.dispose]()
  assert.equal(at.clock.timerCount, 0)
})

test('one identity in several spellings has one limit', async () => {
  using at = await setting()
  const csr = createSigningRequest(generateKeyPair(), idOf(WEB))
  const spellings = [WEB, WEB.replace('mesh', 'MESH'), WEB.replace('spiffe', 'SPIFFE')]
  const outcomes = spellings.flatMap((id) => Array.from({ length: 50 }, () => at.authority.sign(csr, id).ok))
  assert.equal(outcomes.filter(Boolean).length, 100)
})

test('an authority that is overtaken while it makes the first state takes the one that is there', async () => {
  const clock = new SettlingClock(NOON)
  const sealKey = randomBytes(32)
  const theirs = createState(idOf('spiffe://mesh.example'), { rootMs: DAY_MS, issuingMs: DAY_MS }, NOON)
  /** Its lock protects nobody: another writes between the read under it and the write. */
  class OvertakenRegistry extends FakeRegistry {
    #readCount = 0
    override async get(key: string): ReturnType<FakeRegistry['get']> {
      const found = await super.get(key)
      if (++this.#readCount === 2) await this.put(STATE_KEY, writeState(theirs, sealKey))
      return found
    }
  }
  const registry = new OvertakenRegistry()
  const options = { registry, clock, sealKey, keyPrefix: PREFIX, trustDomain: 'mesh.example', random: () => 0.5 }
  const first = await Authority.open(options, never)
  assert(!first.ok)
  assert.match(first.error, /conflict/)
  using second = unwrap(await Authority.open(options, never))
  assert.equal(second.issuingNotAfterMs, theirs.issuing.certificate.notAfterMs)
})
