import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'

import { EmbeddedRegistry } from '../../../control-plane/registry/embedded/embedded-registry.ts'
import type { Instance } from '../../../control-plane/registry/registry.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { got, instance } from '../../compliance/registry.suite.ts'
import { Told } from '../../compliance/told.ts'
import { HandTurnedClock } from './hand-turned-clock.ts'

const CLIENT = join(import.meta.dirname, 'registry-client.ts')
const never = new AbortController().signal

function temporaryFile(): { readonly path: string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'outrigger-registry-'))
  return {
    path: join(directory, 'mesh.db'),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }),
  }
}

function open(path: string, clock: HandTurnedClock | typeof systemClock): EmbeddedRegistry {
  const opened = EmbeddedRegistry.open(path, { clock, random: seededRandom(3) })
  assert(opened.ok, opened.ok ? '' : opened.error)
  return opened.value
}

const idsOf = (told: Told<readonly Instance[]>): string[] => told.latest.map(({ id }) => id)

test('an embedded registry keeps entries over a restart, and versions go on', async () => {
  using file = temporaryFile()
  let version = 0
  {
    await using registry = open(file.path, systemClock)
    version = got(await registry.put('k', Buffer.from('1')))
    assert.equal(registry.description, `embedded:${file.path}`)
  }
  await using registry = open(file.path, systemClock)
  assert.equal(got(await registry.get('k'))?.version, version)
  assert(got(await registry.put('k', Buffer.from('2'), { expectedVersion: version })) > version)
})

test('an instance lives as long as its heartbeats come within its time to live', async () => {
  const clock = new HandTurnedClock()
  await using registry = open(':memory:', clock)
  const told = new Told<readonly Instance[]>()
  registry.watchInstances('web', told)
  got(await registry.register(instance('1', 'web'), 10_000))
  for (let i = 0; i < 10; i++) {
    await clock.turn(9_000)
    assert.deepEqual(await registry.heartbeat('1'), { ok: true, value: true })
  }
  assert.deepEqual(told.states.length, 1)
  await clock.turn(10_400)
  assert.deepEqual(idsOf(told), ['1'])
  await clock.turn(600)
  assert.deepEqual(idsOf(told), [])
})

test('a jump of the wall clock ends no instance', async () => {
  const clock = new HandTurnedClock()
  await using registry = open(':memory:', clock)
  const told = new Told<readonly Instance[]>()
  registry.watchInstances('web', told)
  got(await registry.register(instance('1', 'web'), 10_000))
  clock.wallOffsetMs += 3_600_000
  await clock.turn(5_000)
  assert.deepEqual(idsOf(told), ['1'])
})

test('after a start every stored instance counts as just having had a heartbeat', async () => {
  using file = temporaryFile()
  const clock = new HandTurnedClock()
  {
    await using before = open(file.path, clock)
    got(await before.register(instance('1', 'web'), 10_000))
  }
  await clock.standStill(3_600_000)
  await using registry = open(file.path, clock)
  const told = new Told<readonly Instance[]>()
  registry.watchInstances('web', told)
  await clock.turn(9_000)
  assert.deepEqual(idsOf(told), ['1'])
  await clock.turn(2_000)
  assert.deepEqual(idsOf(told), [])
})

test('time that the process itself stood still does not count against instances', async () => {
  const clock = new HandTurnedClock()
  await using registry = open(':memory:', clock)
  const told = new Told<readonly Instance[]>()
  registry.watchInstances('web', told)
  got(await registry.register(instance('1', 'web'), 10_000))
  await clock.turn(1_000)
  await clock.standStill(60_000)
  await clock.turn(8_000)
  assert.deepEqual(idsOf(told), ['1'])
})

test('an instance that has been silent for long is forgotten', async () => {
  const clock = new HandTurnedClock()
  await using registry = open(':memory:', clock)
  const services = new Told<readonly string[]>()
  registry.watchServices(services)
  got(await registry.register(instance('1', 'web'), 10_000))
  await clock.turn(300_000)
  assert.deepEqual(services.latest, ['web'])
  await clock.turn(320_000)
  assert.deepEqual(services.latest, [])
  assert.deepEqual(await registry.heartbeat('1'), { ok: true, value: false })
})

test('a heartbeat that one process receives keeps the instance alive for another on the file', async () => {
  using file = temporaryFile()
  const clock = new HandTurnedClock()
  await using first = open(file.path, clock)
  await using second = open(file.path, clock)
  const told = new Told<readonly Instance[]>()
  second.watchInstances('web', told)
  got(await first.register(instance('1', 'web'), 10_000))
  for (let i = 0; i < 5; i++) {
    await clock.turn(8_000)
    got(await first.heartbeat('1'))
  }
  await clock.turn(1_000)
  assert.deepEqual(idsOf(told), ['1'])
})

test('a holder that stood still has lost its lock: the next one has it, and the old one cannot write', async () => {
  using file = temporaryFile()
  const [sleeping, awake] = [new HandTurnedClock(), new HandTurnedClock()]
  await using first = open(file.path, sleeping)
  await using second = open(file.path, awake)
  const old = await first.acquireLock('leader', never)
  assert(old !== undefined)
  await awake.turn(9_000)
  const waiting = second.acquireLock('leader', never)
  await awake.turn(500)
  assert(!old.lost.aborted)
  await awake.turn(2_000)
  const next = await waiting
  assert(next !== undefined && next.fencingToken > old.fencingToken)
  got(await second.put('k', Buffer.from('new'), { lock: next }))
  const refused = await first.put('k', Buffer.from('old'), { lock: old })
  assert(!refused.ok && refused.error.kind === 'fenced')
  assert(old.lost.aborted)
  assert.equal(got(await second.get('k'))?.value.toString(), 'new')
})

test('a holder that does not know yet that it has lost its lock can not give away that of the next one', async () => {
  using file = temporaryFile()
  const [sleeping, awake] = [new HandTurnedClock(), new HandTurnedClock()]
  await using first = open(file.path, sleeping)
  await using second = open(file.path, awake)
  const old = await first.acquireLock('leader', never)
  await awake.turn(11_000)
  const next = await second.acquireLock('leader', never)
  assert(old !== undefined && next !== undefined && !old.lost.aborted)
  await old.release()
  got(await second.put('k', Buffer.from('new'), { lock: next }))
  await awake.turn(4_000)
  assert(!next.lost.aborted)
})

test('a holder learns from its renewal that another has the lock', async () => {
  using file = temporaryFile()
  const [sleeping, awake] = [new HandTurnedClock(), new HandTurnedClock()]
  await using first = open(file.path, sleeping)
  await using second = open(file.path, awake)
  const old = await first.acquireLock('leader', never)
  await awake.turn(11_000)
  assert((await second.acquireLock('leader', never)) !== undefined)
  await sleeping.turn(4_000)
  assert(old?.lost.aborted)
})

test('a holder that renews keeps its lock for long', async () => {
  using file = temporaryFile()
  const clock = new HandTurnedClock()
  await using first = open(file.path, clock)
  await using second = open(file.path, clock)
  const lock = await first.acquireLock('leader', never)
  const patience = new AbortController()
  const waiting = second.acquireLock('leader', patience.signal)
  await clock.turn(120_000)
  assert(lock?.lost.aborted === false)
  patience.abort()
  assert.equal(await waiting, undefined)
})

test('processes that share a file lose no write', async () => {
  using file = temporaryFile()
  await using registry = open(file.path, systemClock)
  const exits = [1, 2].map(async () => {
    const child = spawn(process.execPath, [CLIENT, `embedded:${file.path}`, 'increment', 'count', '50'])
    const errors: Buffer[] = []
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    const [code] = await once(child, 'exit')
    assert.equal(code, 0, errors.join(''))
  })
  await Promise.all(exits)
  assert.equal(got(await registry.get('count'))?.value.toString(), '100')
})

test('the lock of a process that was killed is free after its time to live, and not before', async () => {
  using file = temporaryFile()
  const child = spawn(process.execPath, [CLIENT, `embedded:${file.path}`, 'hold', 'leader'])
  const [said] = await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const clock = new HandTurnedClock()
  clock.wallOffsetMs = systemClock.wallMs() - clock.nowMs()
  await using registry = open(file.path, clock)
  const waiting = registry.acquireLock('leader', never)
  let isOurs = false
  void waiting.then(() => {
    isOurs = true
  })
  await clock.turn(5_000)
  assert(!isOurs)
  await clock.turn(6_000)
  assert((await waiting)?.fencingToken === Number(said) + 1)
})

test('a wall clock that is set back does not keep the lock of a dead process for as long', async () => {
  using file = temporaryFile()
  const [dead, later] = [new HandTurnedClock(), new HandTurnedClock()]
  const first = open(file.path, dead)
  const lock = await first.acquireLock('leader', never)
  assert(lock !== undefined)
  // the first one is never turned again: it neither renews nor releases
  await using second = open(file.path, later)
  later.wallOffsetMs -= 86_400_000
  const waiting = second.acquireLock('leader', never)
  await later.turn(11_000)
  assert((await Promise.race([waiting, Promise.resolve(undefined)]))?.fencingToken === lock.fencingToken + 1)
  const refused = await first.put('k', Buffer.from('old'), { lock })
  assert(!refused.ok && refused.error.kind === 'fenced')
  await first[Symbol.asyncDispose]()
})
