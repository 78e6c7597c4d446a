import assert from 'node:assert/strict'
import test from 'ava'

import type { Result } from '../../certs/result.ts'
import type { Entry, Instance, Registry, RegistryError } from '../../control-plane/registry/registry.ts'
import { REGISTRY_LIMITS } from '../../control-plane/registry/registry-limits.ts'
import { registryLockSuite } from './registry-locks.suite.ts'
import { Told } from './told.ts'

/** One empty store. Each `open` is a client of its own, as another process would have it. */
export interface RegistryStore extends AsyncDisposable {
  open(): Promise<Registry>
  /** Makes names of this test its own where tests share a store. */
  readonly scope: string
}

/** What every registry does, whatever stands behind it. `make` is called once for each test. */
export function registrySuite(name: string, make: () => Promise<RegistryStore>): void {
  registryLockSuite(name, make)

  test(`${name}: what was put is what is got, with a version that is not 0`, async () => {
    await using store = await make()
    await using registry = await store.open()
    for (const value of [Buffer.from('text'), Buffer.alloc(0), Buffer.from([0, 255, 10, 13, 0xc3, 0x28])]) {
      const key = `${store.scope}/käse %2F?${value.length}`
      const version = got(await registry.put(key, value))
      assert(version > 0)
      assert.deepEqual(got(await registry.get(key, { consistent: true })), { key, value, version })
    }
  })

  test(`${name}: a key that does not exist is undefined, and deleting it succeeds`, async () => {
    await using store = await make()
    await using registry = await store.open()
    assert.equal(got(await registry.get(`${store.scope}/none`)), undefined)
    assert((await registry.delete(`${store.scope}/none`)).ok)
    assert((await registry.delete(`${store.scope}/none`, { expectedVersion: 7 })).ok)
  })

  test(`${name}: compare-and-set writes only what it expected, and tells the version that is there`, async () => {
    await using store = await make()
    await using registry = await store.open()
    const key = `${store.scope}/k`
    const first = got(await registry.put(key, Buffer.from('1'), { expectedVersion: 0 }))
    assert.deepEqual(conflictOf(await registry.put(key, Buffer.from('2'), { expectedVersion: 0 })), first)
    const second = got(await registry.put(key, Buffer.from('2'), { expectedVersion: first }))
    assert.notEqual(second, first)
    assert.deepEqual(conflictOf(await registry.put(key, Buffer.from('3'), { expectedVersion: first })), second)
    assert.deepEqual(conflictOf(await registry.delete(key, { expectedVersion: first })), second)
    assert.equal(got(await registry.get(key))?.value.toString(), '2')
    assert((await registry.delete(key, { expectedVersion: second })).ok)
    assert.equal(got(await registry.get(key)), undefined)
    assert.deepEqual(conflictOf(await registry.put(key, Buffer.from('4'), { expectedVersion: second })), 0)
  })

  test(`${name}: a value that is there already keeps its version`, async () => {
    await using store = await make()
    await using registry = await store.open()
    const version = await registry.put(`${store.scope}/k`, Buffer.from('same'))
    assert.deepEqual(await registry.put(`${store.scope}/k`, Buffer.from('same')), version)
  })

  test(`${name}: a value of 512 KiB is kept, one more octet is too large`, async () => {
    await using store = await make()
    await using registry = await store.open()
    const key = `${store.scope}/big`
    const largest = Buffer.alloc(REGISTRY_LIMITS.valueBytes, 'x')
    const version = got(await registry.put(key, largest, { expectedVersion: 0 }))
    assert.deepEqual(got(await registry.get(key)), { key, value: largest, version })
    assert.deepEqual(conflictOf(await registry.put(key, largest.fill('y'), { expectedVersion: 0 })), version)
    const refused = await registry.put(key, Buffer.alloc(REGISTRY_LIMITS.valueBytes + 1))
    assert(!refused.ok && refused.error.kind === 'too-large')
    assert.equal(refused.error.limitBytes, 524_288)
  })

  test(`${name}: list has the keys with the prefix and no other, in the order of their octets`, async () => {
    await using store = await make()
    await using registry = await store.open()
    for (const key of ['b', 'a/é', 'a/z', 'a/b/c', 'a', 'ab', 'A', 'a/Z']) {
      assert((await registry.put(`${store.scope}/${key}`, Buffer.from(key))).ok)
    }
    const keys = async (prefix: string): Promise<string[]> =>
      got(await registry.list(`${store.scope}/${prefix}`)).map(({ value }) => value.toString())
    assert.deepEqual(await keys('a/'), ['a/Z', 'a/b/c', 'a/z', 'a/é'])
    assert.deepEqual(await keys('a'), ['a', 'a/Z', 'a/b/c', 'a/z', 'a/é', 'ab'])
    assert.deepEqual(await keys('none'), [])
  })

  test(`${name}: putAll writes and deletes all, or nothing`, async () => {
    await using store = await make()
    await using registry = await store.open()
    const [a, b, c] = ['a', 'b', 'c'].map((key) => `${store.scope}/${key}`) as [string, string, string]
    const version = got(await registry.put(a, Buffer.from('1')))
    const halfWrong = [
      { key: b, value: Buffer.from('2') },
      { key: a, value: undefined },
      { key: c, value: Buffer.from('3'), expectedVersion: version },
    ]
    assert.deepEqual(conflictOf(await registry.putAll(halfWrong)), 0)
    assert.deepEqual(keysOf(got(await registry.list(store.scope))), [a])
    assert((await registry.putAll(halfWrong.slice(0, 2))).ok)
    assert.deepEqual(keysOf(got(await registry.list(store.scope))), [b])
    assert((await registry.putAll([])).ok)
  })

  test(`${name}: a transaction takes 64 writes of 360 KiB in all, and no more`, async () => {
    await using store = await make()
    await using registry = await store.open()
    const write = (bytes: number) => (_: unknown, i: number) => {
      const key = `${store.scope}/${i}`
      return { key, value: Buffer.alloc(bytes - Buffer.byteLength(key), i) }
    }
    const each = REGISTRY_LIMITS.transactionBytes / 64
    const most = Array.from({ length: 64 }, write(each))
    assert((await registry.putAll(most)).ok)
    assert.equal(got(await registry.list(store.scope)).length, 64)
    const refused = await registry.putAll(Array.from({ length: 64 }, write(each + 1)))
    assert(!refused.ok && refused.error.kind === 'too-large')
    await assert.rejects(registry.putAll(Array.from({ length: 65 }, write(100))), /at most 64/)
  })

  test(`${name}: a watched prefix tells the state first, then each real change, and nothing after stop`, async () => {
    await using store = await make()
    await using registry = await store.open()
    await using other = await store.open()
    const told = new Told<readonly Entry[]>()
    const prefix = `${store.scope}/w/`
    const watch = registry.watchPrefix(prefix, told)
    await told.until((entries) => entries.length === 0, 'the empty state')
    const steps = [
      () => registry.put(`${prefix}1`, Buffer.from('one')),
      () => other.put(`${prefix}2`, Buffer.from('two')),
      () => registry.put(`${prefix}1`, Buffer.from('uno')),
      () => other.delete(`${prefix}2`),
    ]
    for (const step of steps) {
      const before = told.states.length
      assert((await step()).ok)
      await told.until(() => told.states.length > before, 'a change')
      assert((await registry.put(`${store.scope}/elsewhere`, Buffer.from(String(before)))).ok)
      assert((await registry.put(`${prefix}1`, told.latest[0]?.value ?? Buffer.alloc(0))).ok)
    }
    const seen = told.states.map((entries) => entries.map(({ key, value }) => `${key.slice(prefix.length)}=${value}`))
    assert.deepEqual(seen, [[], ['1=one'], ['1=one', '2=two'], ['1=uno', '2=two'], ['1=uno']])
    watch.stop()
    const later = new Told<readonly Entry[]>()
    registry.watchPrefix(prefix, later)
    assert((await registry.put(`${prefix}3`, Buffer.from('three'))).ok)
    await later.until((entries) => entries.length === 2)
    assert.equal(told.states.length, 5)
    assert.deepEqual(told.availability, [])
  })

  test(`${name}: registered instances are seen as they are, replaced, and gone when they deregister`, async () => {
    await using store = await make()
    await using registry = await store.open()
    await using other = await store.open()
    const [web, api] = [`${store.scope}-web`, `${store.scope}-api`]
    const services = new Told<readonly string[]>()
    const instances = new Told<readonly Instance[]>()
    other.watchServices(services)
    other.watchInstances(web, instances)
    await instances.until((all) => all.length === 0)
    const first = instance(`${store.scope}-1`, web, { meta: { 'outrigger-zone': 'a', team: 'x=y, z' } })
    const second = instance(`${store.scope}-0`, web, { tags: ['blue', 'v2'], port: 81 })
    assert((await registry.register(first, 60_000)).ok)
    assert((await registry.register(second, 60_000)).ok)
    assert((await registry.register(instance(`${store.scope}-2`, api), 60_000)).ok)
    assert.deepEqual(await instances.until((all) => all.length === 2), [second, first])
    await services.until((all) => all.includes(web) && all.includes(api))
    assert((await registry.register({ ...first, port: 8080 }, 60_000)).ok)
    assert.deepEqual(await instances.until((all) => all[1]?.port === 8080), [second, { ...first, port: 8080 }])
    assert((await registry.deregister(second.id)).ok)
    assert((await registry.deregister(`${store.scope}-unknown`)).ok)
    assert.deepEqual(await instances.until((all) => all.length === 1), [{ ...first, port: 8080 }])
    assert((await registry.deregister(first.id)).ok)
    await services.until((all) => !all.includes(web) && all.includes(api))
  })

  test(`${name}: an instance without heartbeats is unhealthy until the next one, or until it is registered anew`, async () => {
    await using store = await make()
    await using registry = await store.open()
    const service = `${store.scope}-s`
    const told = new Told<readonly Instance[]>()
    registry.watchInstances(service, told)
    const one = instance(`${store.scope}-one`, service)
    assert.deepEqual(await registry.heartbeat(one.id), { ok: true, value: false })
    assert((await registry.register(one, 1_000)).ok)
    await told.until((all) => all.length === 1, 'the instance to appear')
    await told.until((all) => all.length === 0, 'the instance to fall silent')
    assert.deepEqual(await registry.heartbeat(one.id), { ok: true, value: true })
    await told.until((all) => all.length === 1, 'the instance to come back')
    await told.until((all) => all.length === 0, 'the instance to fall silent again')
    assert((await registry.register(one, 1_000)).ok)
    await told.until((all) => all.length === 1, 'the instance to come back by registering')
    assert((await registry.deregister(one.id)).ok)
    assert.deepEqual(await registry.heartbeat(one.id), { ok: true, value: false })
  })

  test(`${name}: of two writers that increment one key a hundred times each, no increment is lost`, async () => {
    await using store = await make()
    await using registry = await store.open()
    await using other = await store.open()
    const told = new Told<readonly Entry[]>()
    registry.watchPrefix(`${store.scope}/count`, told)
    await Promise.all([registry, other].map((writer) => increment(writer, `${store.scope}/count`, 100)))
    await told.until(([entry]) => entry?.value.toString() === '200')
    const counts = told.states.map(([entry]) => Number(entry?.value ?? 0))
    assert.deepEqual(
      counts,
      [...new Set(counts)].sort((a, b) => a - b),
    )
  })

  test(`${name}: a registry that was closed answers unavailable, and its watches are silent`, async () => {
    await using store = await make()
    await using witness = await store.open()
    const registry = await store.open()
    const told = new Told<readonly Entry[]>()
    registry.watchPrefix(`${store.scope}/`, told)
    await told.until(() => true)
    await registry[Symbol.asyncDispose]()
    await registry[Symbol.asyncDispose]()
    const seen = new Told<readonly Entry[]>()
    witness.watchPrefix(`${store.scope}/`, seen)
    assert((await witness.put(`${store.scope}/k`, Buffer.from('v'))).ok)
    await seen.until((entries) => entries.length === 1)
    assert.equal(told.states.length, 1)
    assert.equal(await registry.acquireLock(`${store.scope}/l`, new AbortController().signal), undefined)
  })
}

async function increment(registry: Registry, key: string, times: number): Promise<void> {
  for (let done = 0; done < times; ) {
    const entry = got(await registry.get(key, { consistent: true }))
    const next = Buffer.from(String(Number(entry?.value ?? 0) + 1))
    const written = await registry.put(key, next, { expectedVersion: entry?.version ?? 0 })
    if (written.ok) done += 1
    else assert.equal(written.error.kind, 'conflict')
  }
}

/** An instance with what matters to the test, the rest plausible. */
export const instance = (id: string, service: string, rest: Partial<Instance> = {}): Instance => ({
  id,
  service,
  address: '127.0.0.1',
  port: 80,
  meta: {},
  tags: [],
  ...rest,
})

/** The value of a success; anything else fails the test. */
export function got<T>(result: Result<T, RegistryError>): T {
  assert(result.ok, result.ok ? '' : `${result.error.kind}: ${result.error.detail}`)
  return result.value
}

function conflictOf(result: Result<unknown, RegistryError>): number {
  assert(!result.ok && result.error.kind === 'conflict', 'expected a conflict')
  return result.error.currentVersion
}

const keysOf = (entries: readonly Entry[]): string[] => entries.map(({ key }) => key)
