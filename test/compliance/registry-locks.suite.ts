import assert from 'node:assert/strict'
import test from 'ava'

import type { Lock, Registry } from '../../control-plane/registry/registry.ts'
import type { RegistryStore } from './registry.suite.ts'

const never = new AbortController().signal

/** What every registry's locks do. */
export function registryLockSuite(name: string, make: () => Promise<RegistryStore>): void {
  test(`${name}: a lock goes from holder to holder with a growing token, and the old holder's writes are refused`, async () => {
    await using store = await make()
    await using first = await store.open()
    await using second = await store.open()
    const [key, guarded] = [`${store.scope}/leader`, `${store.scope}/state`]
    const old = await take(first, key)
    let isOld = true
    const waiting = take(second, key).then((lock) => {
      assert(!isOld, 'both hold the lock')
      return lock
    })
    assert((await first.put(guarded, Buffer.from('old'), { lock: old })).ok)
    assert((await first.putAll([{ key: guarded, value: Buffer.from('old, twice') }], old)).ok)
    isOld = false
    await old.release()
    await old.release()
    assert(old.lost.aborted)
    const next = await waiting
    assert(next.fencingToken > old.fencingToken)
    for (const refused of [
      await first.put(guarded, Buffer.from('stale'), { lock: old }),
      await first.putAll([{ key: guarded, value: Buffer.from('stale') }], old),
      await first.delete(guarded, { lock: old }),
    ]) {
      assert(!refused.ok && refused.error.kind === 'fenced')
    }
    const kept = await second.get(guarded)
    assert(kept.ok && kept.value?.value.toString() === 'old, twice')
    assert((await second.put(guarded, Buffer.from('new'), { lock: next })).ok)
  })

  test(`${name}: a fenced compare-and-set tells a conflict from a lost lock`, async () => {
    await using store = await make()
    await using registry = await store.open()
    const lock = await take(registry, `${store.scope}/leader`)
    const write = await registry.put(`${store.scope}/k`, Buffer.from('x'), { lock, expectedVersion: 7 })
    assert(!write.ok && write.error.kind === 'conflict')
    assert(!lock.lost.aborted)
  })

  test(`${name}: waiting for a lock ends when the caller gives up`, async () => {
    await using store = await make()
    await using registry = await store.open()
    await using other = await store.open()
    await using _held = released(await take(registry, `${store.scope}/l`))
    const patience = new AbortController()
    const waiting = other.acquireLock(`${store.scope}/l`, patience.signal)
    patience.abort()
    assert.equal(await waiting, undefined)
    assert.equal(await other.acquireLock(`${store.scope}/l`, patience.signal), undefined)
  })

  test(`${name}: of four that want a lock, one has it at a time, and each gets it`, async () => {
    await using store = await make()
    await using first = await store.open()
    await using second = await store.open()
    let holders = 0
    const tokens: number[] = []
    const work = async (registry: Registry): Promise<void> => {
      const lock = await take(registry, `${store.scope}/l`)
      holders += 1
      assert.equal(holders, 1)
      assert((await registry.put(`${store.scope}/k`, Buffer.from(String(lock.fencingToken)), { lock })).ok)
      tokens.push(lock.fencingToken)
      holders -= 1
      await lock.release()
    }
    await Promise.all([first, second, first, second].map(work))
    assert.deepEqual(
      tokens,
      [...new Set(tokens)].sort((a, b) => a - b),
    )
  })

  test(`${name}: a registry that closes gives its locks up`, async () => {
    await using store = await make()
    await using other = await store.open()
    const registry = await store.open()
    const lock = await take(registry, `${store.scope}/l`)
    await registry[Symbol.asyncDispose]()
    assert(lock.lost.aborted)
    await using _next = released(await take(other, `${store.scope}/l`))
  })

  test(`${name}: a lock is no entry`, async () => {
    await using store = await make()
    await using registry = await store.open()
    await using _held = released(await take(registry, `${store.scope}/l`))
    assert.deepEqual(await registry.list(store.scope), { ok: true, value: [] })
    assert.deepEqual(await registry.get(`${store.scope}/l`), { ok: true, value: undefined })
  })
}

async function take(registry: Registry, key: string): Promise<Lock> {
  const lock = await registry.acquireLock(key, never)
  assert(lock !== undefined)
  assert(!lock.lost.aborted)
  return lock
}

const released = (lock: Lock): AsyncDisposable => ({ [Symbol.asyncDispose]: () => lock.release() })
