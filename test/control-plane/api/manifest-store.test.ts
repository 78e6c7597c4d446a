import assert from 'node:assert/strict'
import test from 'ava'
import { err, ok } from '../../../certs/result.ts'
import { registryFailure } from '../../../control-plane/api/manifest-routes.ts'
import { ManifestStore } from '../../../control-plane/api/manifest-store.ts'
import type { Manifest } from '../../../control-plane/policy/manifest.ts'
import type { RegistryError } from '../../../control-plane/registry/registry.ts'
import { checkWrites } from '../../../control-plane/registry/write-check.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const service = (i: number, port: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: `s${i}`, namespace: 'shop' },
  spec: { ports: [{ port }] },
})
const services = (count: number, port: number): readonly Manifest[] =>
  Array.from({ length: count }, (_, i) => service(i, port))

/** A registry that goes away for good at the write that a test says, before or after it was done. */
class FailingRegistry extends FakeRegistry {
  writes = 0
  failAt = Number.POSITIVE_INFINITY
  override async putAll(...args: Parameters<FakeRegistry['putAll']>): ReturnType<FakeRegistry['putAll']> {
    if (this.writes++ >= this.failAt) this.isAway = true
    return super.putAll(...args)
  }
}

const storeOn = (registry: FakeRegistry): ManifestStore =>
  new ManifestStore(registry, 'manifests/', new TurnedClock(1_000))
const applyAll = (store: ManifestStore, manifests: readonly Manifest[]) =>
  store.apply(() => ok({ put: manifests, delete: [] }))

/** Ports of all manifests that count: one number where a change counts as a whole. */
async function ports(store: ManifestStore): Promise<readonly number[]> {
  const records = await store.list()
  assert.ok(records.ok)
  const all = [...records.value.manifests.values()]
  return [...new Set(all.map((manifest) => (manifest.kind === 'Service' ? (manifest.spec.ports[0]?.port ?? 0) : 0)))]
}

test('wherever a large change is cut off, it counts as a whole or not at all, and the next change completes it', async () => {
  const whole = new FailingRegistry()
  await applyAll(storeOn(whole), services(200, 1))
  const before = whole.writes
  await applyAll(storeOn(whole), services(200, 2))
  const needed = whole.writes - before
  assert.ok(needed > 5)
  const outcomes = new Set<number>()
  for (let cut = 0; cut <= needed; cut++) {
    const registry = new FailingRegistry()
    const store = storeOn(registry)
    await applyAll(store, services(200, 1))
    registry.failAt = registry.writes + cut
    await applyAll(store, services(200, 2))
    registry.isAway = false
    registry.failAt = Number.POSITIVE_INFINITY
    const counting = await ports(store)
    assert.equal(counting.length, 1, `cut at write ${cut}: ports ${counting}`)
    outcomes.add(counting[0] ?? 0)
    await applyAll(store, [service(500, counting[0] ?? 0)])
    assert.deepEqual(await ports(store), counting, `cut at write ${cut}, after another change`)
    const records = await store.list()
    assert.ok(records.ok && records.value.revision.staged === undefined)
  }
  assert.deepEqual([...outcomes].sort(), [1, 2])
})

test('a deletion among many changes is a deletion', async () => {
  const store = storeOn(new FakeRegistry())
  await applyAll(store, services(100, 1))
  const refs = services(100, 1).map(({ kind, metadata }) => ({
    kind,
    namespace: metadata.namespace,
    name: metadata.name,
  }))
  const done = await store.apply(() => ok({ put: [service(500, 1)], delete: refs }))
  assert.ok(done.ok)
  const records = await store.list()
  assert.ok(records.ok)
  assert.deepEqual([...records.value.manifests.keys()], ['Service/shop/s500'])
  assert.deepEqual(records.value.stagedKeys, [])
})

test('of two changes at once the later one decides anew, on what the first one left', async () => {
  const store = storeOn(new FakeRegistry())
  const seen: number[] = []
  const add = (i: number) =>
    store.apply((current) => {
      seen.push(current.size)
      return ok({ put: [service(i, 1)], delete: [] })
    })
  const done = await Promise.all([add(1), add(2), add(3)])
  assert.ok(done.every((one) => one.ok))
  assert.ok(seen.length > 3 && seen.at(-1) === 2, `decided with ${seen}`)
})

test('what does not change is not written, and a new spec counts one generation up', async () => {
  const registry = new FakeRegistry()
  const store = storeOn(registry)
  await applyAll(store, [service(1, 1)])
  const writes = registry.writeCounts.get('manifests/Service/shop/s1')
  await applyAll(store, [service(1, 1)])
  assert.equal(registry.writeCounts.get('manifests/Service/shop/s1'), writes)
  await applyAll(store, [service(1, 2)])
  const records = await store.list()
  assert.ok(records.ok)
  const { metadata } = records.value.manifests.get('Service/shop/s1') ?? { metadata: undefined }
  assert.deepEqual([metadata?.generation, metadata?.creationTimestamp], [2, '1970-01-01T00:00:01.000Z'])
})

test('a registry that is away is an error, and a value that nobody can read is left out', async () => {
  const registry = new FakeRegistry()
  const store = storeOn(registry)
  await applyAll(store, [service(1, 1)])
  await registry.put('manifests/Service/shop/broken', Buffer.from('{'))
  const records = await store.list()
  assert.ok(records.ok)
  assert.deepEqual(records.value.unreadable, ['Service/shop/broken'])
  registry.isAway = true
  const away = await applyAll(store, [service(2, 1)])
  assert.ok(!away.ok && away.error.kind === 'registry')
})

test('every change has a revision of its own, by which two at once are told apart, whatever they write', async () => {
  const store = storeOn(new FakeRegistry())
  const revisions: number[] = []
  for (const manifests of [[service(1, 1)], [service(1, 2)], services(200, 1), [service(1, 1)], [service(1, 1)]]) {
    await applyAll(store, manifests)
    const records = await store.list()
    assert.ok(records.ok)
    revisions.push(records.value.revision.revision)
  }
  // the last two change nothing
  assert.deepEqual(revisions, [1, 2, 3, 3, 3])
})

/** Another applies something just before a large change is to count. */
class OvertakenRegistry extends FakeRegistry {
  overtake: (() => Promise<unknown>) | undefined
  override async putAll(...args: Parameters<FakeRegistry['putAll']>): ReturnType<FakeRegistry['putAll']> {
    const [writes] = args
    const { overtake } = this
    if (overtake !== undefined && writes.length === 1 && writes[0]?.key === 'manifests/revision') {
      this.overtake = undefined
      await overtake()
    }
    return super.putAll(...args)
  }
}

test('a large change that was overtaken takes away what it had staged, and is made anew', async () => {
  const registry = new OvertakenRegistry()
  const store = storeOn(registry)
  registry.overtake = () => applyAll(store, [service(500, 7)])
  const done = await applyAll(store, services(200, 1))
  assert.ok(done.ok)
  const records = await store.list()
  assert.ok(records.ok)
  assert.deepEqual([records.value.stagedKeys, records.value.manifests.size], [[], 201])
})

test('a large change that was overtaken and is then refused leaves nothing behind', async () => {
  const registry = new OvertakenRegistry()
  const store = storeOn(registry)
  registry.overtake = () => applyAll(store, [service(500, 7)])
  const done = await store.apply((current) =>
    current.size === 0 ? ok({ put: services(200, 1), delete: [] }) : err('there is something already'),
  )
  assert.ok(!done.ok && done.error.kind === 'refused')
  const records = await store.list()
  assert.ok(records.ok)
  assert.deepEqual([records.value.stagedKeys, records.value.manifests.size], [[], 1])
})

/** Refuses what no registry takes in one transaction. */
class LimitedRegistry extends FakeRegistry {
  override async putAll(...args: Parameters<FakeRegistry['putAll']>): ReturnType<FakeRegistry['putAll']> {
    const checked = checkWrites(args[0], undefined)
    return checked.ok ? super.putAll(...args) : checked
  }
}

test('a few manifests that are too long for one transaction together are applied as a whole', async () => {
  const store = storeOn(new LimitedRegistry())
  const long = services(8, 1).map(
    (manifest): Manifest =>
      ({ ...manifest, metadata: { ...manifest.metadata, annotations: { note: 'x'.repeat(80_000) } } }) as Manifest,
  )
  const done = await applyAll(store, long)
  assert.ok(done.ok, JSON.stringify(done))
  const records = await store.list()
  assert.ok(records.ok)
  assert.deepEqual([records.value.manifests.size, records.value.stagedKeys], [8, []])
})

test('a registry that is away is a 503, which may be tried again; whatever else it says is not', () => {
  const statusOf = (error: RegistryError): number => registryFailure(error).status
  assert.equal(statusOf({ kind: 'unavailable', detail: '' }), 503)
  assert.equal(statusOf({ kind: 'denied', detail: '' }), 500)
  assert.equal(statusOf({ kind: 'too-large', detail: '', limitBytes: 1 }), 500)
})
