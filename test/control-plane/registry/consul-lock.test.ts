import assert from 'node:assert/strict'
import test from 'ava'

import { err, ok, type Result } from '../../../certs/result.ts'
import type { ConsulClient, ConsulFailure, KvOperation } from '../../../control-plane/registry/consul/consul-client.ts'
import { acquireConsulLock, ConsulLock } from '../../../control-plane/registry/consul/consul-lock.ts'
import { ConsulWrites } from '../../../control-plane/registry/consul/consul-writes.ts'
import type { Lock } from '../../../control-plane/registry/registry.ts'
import { sleep } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { HandTurnedClock } from './hand-turned-clock.ts'

const AWAY: Result<never, ConsulFailure> = err({ kind: 'unreachable', detail: 'gone' })
const refused = (status: number): Result<never, ConsulFailure> =>
  err({ kind: 'refused', status, detail: 'no', problems: [] })

/** What a lock asks of Consul, answered from memory. */
class ScriptedConsul {
  /** The session that holds the key. */
  holder: string | undefined
  isAway = false
  /** What `lock` is answered with, in place of doing it. */
  onLock: Result<never, ConsulFailure> | undefined
  renewal: Result<boolean, ConsulFailure> = ok(true)
  /** How long a renewal is under way. */
  slowness: (() => Promise<unknown>) | undefined
  /** Happens while the lock is being taken. */
  whileTaking: (() => void) | undefined
  transactionCount = 0
  readonly sessions = new Set<string>()
  #index = 10

  async find(key: string) {
    if (this.isAway) return AWAY
    const pair = this.holder === undefined ? undefined : { key, value: Buffer.of(), version: 1, session: this.holder }
    return ok({ value: pair, index: this.#index, knowsLeader: true })
  }

  async createSession() {
    if (this.isAway) return AWAY
    const id = `session-${++this.#index}`
    this.sessions.add(id)
    return ok(id)
  }

  async renewSession() {
    await this.slowness?.()
    return this.isAway ? AWAY : this.renewal
  }

  async destroySession(id: string) {
    if (this.isAway) return AWAY
    this.sessions.delete(id)
    return ok(true)
  }

  async transact([operation]: readonly KvOperation[]) {
    this.transactionCount++
    if (this.isAway) return AWAY
    this.whileTaking?.()
    if (operation?.Verb === 'lock' && this.onLock !== undefined) return this.onLock
    this.holder = operation?.Verb === 'lock' ? operation.Session : undefined
    return ok(new Map([[operation?.Key ?? '', ++this.#index]]))
  }
}

function stage() {
  const consul = new ScriptedConsul()
  const clock = new HandTurnedClock()
  const seams = { client: consul as unknown as ConsulClient, clock, random: seededRandom(3) }
  return { consul, clock, acquire: (signal: AbortSignal) => acquireConsulLock('leader', signal, seams) }
}

const never = new AbortController().signal

async function held() {
  const scene = stage()
  const lock = await scene.acquire(never)
  assert(lock !== undefined)
  return { ...scene, lock }
}

/** How long after this moment the lock is lost, to the second; at most a minute. */
async function lostAfterSeconds(lock: Lock, clock: HandTurnedClock): Promise<number> {
  for (let seconds = 0; seconds < 60; seconds++) {
    if (lock.lost.aborted) return seconds
    await clock.turn(1_000)
  }
  return Number.POSITIVE_INFINITY
}

test('a lock that Consul renews is kept', async () => {
  const { lock, clock } = await held()
  assert.equal(await lostAfterSeconds(lock, clock), Number.POSITIVE_INFINITY)
})

test('a holder that can not reach Consul steps down when its session may be over', async () => {
  const { consul, lock, clock } = await held()
  consul.isAway = true
  assert.equal(await lostAfterSeconds(lock, clock), 15)
})

test('the time to step down counts from the last renewal that Consul took', async () => {
  const { consul, lock, clock } = await held()
  await clock.turn(11_000) // renewed after 5 s and after 10 s
  consul.isAway = true
  assert.equal(await lostAfterSeconds(lock, clock), 14)
})

const STOLEN: readonly [string, (consul: ScriptedConsul) => void, number][] = [
  ['the key is another session’s', (consul) => (consul.holder = 'session-other'), 5],
  ['the key was unlocked by hand', (consul) => (consul.holder = undefined), 5],
  ['the session was ended', (consul) => (consul.renewal = refused(404)), 5],
  ['the server fails for as long as a session lives', (consul) => (consul.renewal = refused(500)), 15],
]
for (const [what, happens, seconds] of STOLEN) {
  test(`a holder steps down when ${what}`, async () => {
    const { consul, lock, clock } = await held()
    happens(consul)
    assert.equal(await lostAfterSeconds(lock, clock), seconds)
  })
}

test('sessions of tries that failed are destroyed, and so is that of a lock that was released', async () => {
  const { consul, clock, acquire } = stage()
  consul.onLock = refused(409)
  const waiting = acquire(never)
  await clock.turn(30_000)
  assert.equal(consul.sessions.size, 0)
  consul.onLock = undefined
  await clock.turn(5_000)
  const lock = await waiting
  assert.equal(consul.sessions.size, 1)
  await lock?.release()
  assert.deepEqual([consul.sessions.size, consul.holder], [0, undefined])
})

test('a caller that gives up gets no lock, and leaves none behind', async () => {
  const { consul, clock, acquire } = stage()
  consul.onLock = refused(409)
  const patience = new AbortController()
  const waiting = acquire(patience.signal)
  await clock.turn(10_000)
  patience.abort()
  assert.equal(await waiting, undefined)
  assert.equal(consul.sessions.size, 0)
  assert.equal(clock.waitingCount, 0)
})

test('the time to step down counts from when a renewal was sent, not from when it was answered', async () => {
  const { consul, lock, clock } = await held()
  // sent after 5 s, answered 9 s later; all that follow fail
  consul.slowness = () => sleep(clock, 9_000)
  await clock.turn(14_000)
  consul.isAway = true
  assert.equal(await lostAfterSeconds(lock, clock), 6)
})

test('a lock that comes when its caller has given up is given back', async () => {
  const { consul, clock, acquire } = stage()
  const patience = new AbortController()
  consul.whileTaking = () => patience.abort()
  assert.equal(await acquire(patience.signal), undefined)
  assert.deepEqual([consul.holder, consul.sessions.size, clock.waitingCount], [undefined, 0, 0])
})

test('whoever lost a lock writes nothing under it, and asks nobody', async () => {
  const { consul, lock } = await held()
  const writes = new ConsulWrites(consul as unknown as ConsulClient, 'consul://here')
  const before = consul.transactionCount
  assert(lock instanceof ConsulLock)
  lock.lose()
  for (const written of [await writes.put('k', Buffer.of(1), { lock }), await writes.write([], lock)])
    assert(!written.ok && written.error.kind === 'fenced')
  assert.equal(consul.transactionCount, before)
})
