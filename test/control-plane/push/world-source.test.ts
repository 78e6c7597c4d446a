import assert from 'node:assert/strict'
import test from 'ava'
import { WorldSource } from '../../../control-plane/push/world-source.ts'
import type { Entry, Instance, Watch, WatchListener } from '../../../control-plane/registry/registry.ts'
import type { World } from '../../../control-plane/world/world.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { instance } from '../../support/mesh-world.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** A registry with a place for two watches, whose services a test says. */
class CrowdedRegistry extends FakeRegistry {
  override readonly watchedServiceCount = 2
  readonly watched = new Set<string>()
  readonly instances: readonly Instance[] = ['a', 'b', 'c', 'd'].map((name) =>
    instance({ workload: `shop/${name}-1`, service: `shop/${name}` }),
  )
  /** The listener of each service that is watched. */
  /** Instances are told when this resolves. */
  answering: Promise<void> = Promise.resolve()
  readonly listeners = new Map<string, WatchListener<readonly Instance[]> | undefined>()
  #tell: (names: readonly string[]) => void = () => undefined
  override watchPrefix(_: string, listener: WatchListener<readonly Entry[]>): Watch {
    queueMicrotask(() => listener.onState([]))
    return { stop: () => undefined }
  }
  override watchServices(listener?: WatchListener<readonly string[]>): Watch {
    this.#tell = (names) => listener?.onState(names)
    return { stop: () => undefined }
  }
  override watchInstances(service = '', listener?: WatchListener<readonly Instance[]>): Watch {
    this.watched.add(service)
    this.listeners.set(service, listener)
    void this.answering.then(() => listener?.onState(this.instances.filter((one) => one.service === service)))
    return { stop: () => this.watched.delete(service) }
  }
  has(...names: string[]): void {
    this.#tell(names)
  }
}

function stage() {
  const registry = new CrowdedRegistry()
  const clock = new TurnedClock()
  const notes: string[] = []
  const worlds: World[] = []
  const source = new WorldSource({
    registry,
    clock,
    manifestPrefix: 'manifests/',
    instancePrefix: 'instances/',
    trust: () => ({ trustDomain: 'mesh.local', rootsPem: [], sequence: 1 }),
    telemetryDefaults: { samplingRatio: 0, otlpEndpoint: undefined, accessLog: 'off' },
    debounce: { quietMs: 1, maxMs: 1 },
    settleMs: 5_000,
    onWorld: (world) => worlds.push(world),
    onNote: (note) => notes.push(note),
  })
  assert.equal(source.known, undefined)
  return { registry, source, clock, notes, worlds }
}

async function begin(...names: string[]) {
  const at = stage()
  const { registry, source, clock } = at
  const started = source.start()
  await settled()
  registry.has(...names)
  await settled()
  assert.ok((await started).ok)
  const now = async (...later: string[]): Promise<World> => {
    registry.has(...later)
    await settled()
    clock.turn(1)
    return source.world
  }
  return { ...at, now }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const servicesOf = (world: World): readonly string[] => [...world.services.keys()]

test('services over the limit are named, and it is noted once', async () => {
  const { source, notes, now } = await begin('a-shop', 'b-shop', 'c-shop')
  assert.deepEqual(servicesOf(source.world), ['shop/a', 'shop/b'])
  assert.deepEqual(
    source.world.skipped.map(({ id, because }) => `${id}: ${because}`),
    ['c-shop: the registry has more services than can be watched: its instances are not known'],
  )
  await now('a-shop', 'b-shop', 'c-shop', 'd-shop')
  assert.equal(source.world.skipped.length, 2)
  await now('a-shop', 'b-shop', 'd-shop')
  assert.deepEqual(notes, [
    'the registry has more services than the 2 that can be watched: instances of 1 are not seen, of c-shop first; GET /v1/status names all',
  ])
  await now('a-shop', 'd-shop')
  assert.deepEqual(servicesOf(source.world), ['shop/a', 'shop/d'])
  assert.deepEqual(source.world.skipped, [])
  assert.equal(notes.length, 2)
  assert.match(notes[1] ?? '', /all services of the registry are watched again/)
})

test('a service that is watched is never left out for one that comes later, whatever its name', async () => {
  const { registry, now } = await begin('c-shop', 'd-shop')
  await now('a-shop', 'b-shop', 'c-shop', 'd-shop')
  assert.deepEqual([...registry.watched].sort(), ['c-shop', 'd-shop'])
  await now('a-shop', 'b-shop', 'd-shop')
  assert.deepEqual([...registry.watched].sort(), ['a-shop', 'd-shop'])
})

const workloadsOf = (world: World): readonly string[] =>
  [...world.services.values()].flatMap(({ endpoints }) => endpoints.map(({ id }) => id))

test('the first world has the instances of every service: nobody is told of an empty one before', async () => {
  const { registry, source, worlds } = stage()
  const answering = Promise.withResolvers<void>()
  registry.answering = answering.promise
  const started = source.start()
  await settled()
  registry.has('a-shop', 'b-shop')
  await settled()
  assert.equal(source.known, undefined)
  answering.resolve()
  assert.ok((await started).ok)
  assert.equal(worlds.length, 1)
  assert.equal(workloadsOf(source.world).length, 2)
})

test('what is said to be gone while anything is wrong with the registry is kept, and for a while after', async () => {
  const { registry, source, clock } = await begin('a-shop')
  const [before] = workloadsOf(source.world)
  source.report('heartbeats', false, 'the registry does not take them')
  registry.listeners.get('a-shop')?.onState([])
  clock.turn(60_000)
  assert.deepEqual(workloadsOf(source.world), [before])
  assert.equal(source.isSettled, false)
  source.report('heartbeats', true, '')
  clock.turn(4_999)
  assert.deepEqual(workloadsOf(source.world), [before])
  clock.turn(2)
  assert.deepEqual([workloadsOf(source.world), source.isSettled], [[], true])
})

test('a watch that is given up takes its trouble along', async () => {
  const { registry, source, now } = await begin('a-shop', 'b-shop')
  registry.listeners.get('a-shop')?.onAvailability(false, 'no answer')
  assert.equal(source.availability.available, false)
  await now('b-shop')
  assert.equal(source.availability.available, true)
})
