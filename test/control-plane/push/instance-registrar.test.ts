import assert from 'node:assert/strict'
import test from 'ava'
import { err, ok, type Result } from '../../../certs/result.ts'
import { fromMemo, InstanceRegistrar } from '../../../control-plane/push/instance-registrar.ts'
import type { Instance, RegistryError } from '../../../control-plane/registry/registry.ts'
import { workloadRef } from '../../../control-plane/world/workload-ref.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const A = workloadRef('spiffe://mesh.test/ns/shop/sa/a', 'shop/a')
const AWAY: RegistryError = { kind: 'unavailable', detail: 'away' }

/** A registry that keeps instances, and what was done with them. */
class InstanceRegistry extends FakeRegistry {
  /** Happens after the next reading of a key, before the reader has it. */
  afterRead: (() => Promise<unknown> | undefined) | undefined
  /** Happens after the next deletion of a key, before whoever deletes knows. */
  afterDelete: (() => void) | undefined
  /** Heartbeats are answered when this resolves. */
  answering: Promise<void> | undefined
  beatCount = 0
  readonly instances = new Map<string, Instance>()
  readonly done: string[] = []
  override async register(instance: Instance): Promise<Result<void, RegistryError>> {
    if (this.isAway) return err(AWAY)
    this.done.push(`register ${instance.id}:${instance.port}`)
    this.instances.set(instance.id, instance)
    return ok(undefined)
  }
  override async get(key: string): ReturnType<FakeRegistry['get']> {
    const found = await super.get(key)
    const { afterRead } = this
    this.afterRead = undefined
    await afterRead?.()
    return found
  }
  override async delete(...of: Parameters<FakeRegistry['delete']>): ReturnType<FakeRegistry['delete']> {
    const deleted = await super.delete(...of)
    this.afterDelete?.()
    this.afterDelete = undefined
    return deleted
  }
  override async heartbeat(id = ''): Promise<Result<boolean, RegistryError>> {
    this.beatCount++
    await this.answering
    return this.isAway ? err(AWAY) : ok(this.instances.has(id))
  }
  override async deregister(id = ''): Promise<Result<void, RegistryError>> {
    if (this.isAway) return err(AWAY)
    this.done.push(`deregister ${id}`)
    this.instances.delete(id)
    return ok(undefined)
  }
}

const instance = (port = 1, id = 'a'): Instance => ({
  id,
  service: 'orders',
  address: '127.0.0.1',
  port,
  meta: {},
  tags: [],
})

function registrar(registry = new InstanceRegistry(), clock = new TurnedClock(), replica = 'one') {
  const availability: boolean[] = []
  const gone: string[] = []
  const kept = new InstanceRegistrar({
    registry,
    clock,
    times: { ttlMs: 15_000, heartbeatMs: 5_000, graceMs: 2_000 },
    prefix: 'instances/',
    replica,
    onAvailability: (available) => availability.push(available),
    onGone: (id) => gone.push(id),
  })
  const turn = async (ms: number): Promise<void> => {
    clock.turn(ms)
    await kept.settled()
  }
  return { registry, clock, kept, availability, gone, turn }
}

test('an attached workload is registered and remembered; one that left is neither, after its grace', async () => {
  const { kept, registry, gone, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  assert.deepEqual([...registry.instances.keys()], ['a'])
  const memo = await registry.get('instances/a')
  assert.equal(memo.ok && memo.value !== undefined && fromMemo(memo.value.value)?.instance.id, 'a')
  kept.detach(A)
  await turn(1_999)
  assert.deepEqual([...registry.instances.keys()], ['a'])
  await turn(1)
  assert.deepEqual([...registry.instances.keys()], [])
  assert.deepEqual(gone, ['a'])
  const forgotten = await registry.get('instances/a')
  assert.ok(forgotten.ok && forgotten.value === undefined)
})

test('a workload that is back within its grace is not touched', async () => {
  const { kept, registry, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  kept.detach(A)
  await turn(1_000)
  kept.attach(A, [instance()])
  await turn(10_000)
  assert.deepEqual(registry.done, ['register a:1'])
})

test('not ready is out at once, ready is in again', async () => {
  const { kept, registry, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  kept.setReady(A, false)
  await turn(0)
  kept.setReady(A, true)
  await turn(0)
  assert.deepEqual(registry.done, ['register a:1', 'deregister a', 'register a:1'])
})

test('fast changes of mind end with the last one', async () => {
  const { kept, registry, turn } = registrar()
  kept.attach(A, [instance(1)])
  kept.setReady(A, false)
  kept.setReady(A, true)
  kept.attach(A, [instance(2)])
  await turn(0)
  assert.equal(registry.instances.get('a')?.port, 2)
})

test('a registry that forgot an instance is told again at the next heartbeat', async () => {
  const { kept, registry, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  registry.instances.clear()
  await turn(5_000)
  assert.deepEqual([...registry.instances.keys()], ['a'])
})

test('a registry that was away is told what it missed, and its absence is reported', async () => {
  const { kept, registry, availability, turn } = registrar()
  registry.isAway = true
  kept.attach(A, [instance()])
  await turn(0)
  assert.deepEqual(availability, [false])
  await turn(5_000)
  registry.isAway = false
  await turn(5_000)
  assert.deepEqual([...registry.instances.keys()], ['a'])
  assert.equal(availability.at(-1), true)
})

test('an instance whose sidecar moved to another replica is left to that one', async () => {
  const one = registrar()
  one.kept.attach(A, [instance()])
  await one.turn(0)
  const two = registrar(one.registry, new TurnedClock(), 'two')
  two.kept.attach(A, [instance()])
  await two.turn(0)
  one.kept.detach(A)
  await one.turn(2_000)
  assert.deepEqual([...one.registry.instances.keys()], ['a'])
  assert.deepEqual(one.gone, [])
})

test('a workload that drains while the registry is away is gone at once, and taken out later', async () => {
  const { kept, registry, gone, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  registry.isAway = true
  kept.setReady(A, false)
  await turn(5_000)
  assert.deepEqual(gone, ['a'])
  registry.isAway = false
  await turn(5_000)
  assert.deepEqual([...registry.instances.keys()], [])
  assert.deepEqual(gone, ['a'])
})

test('stopping leaves everything registered', async () => {
  const { kept, registry, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  kept.detach(A)
  await kept.stop()
  await turn(60_000)
  assert.deepEqual([...registry.instances.keys()], ['a'])
})

test('a workload that may not serve any more is out at once, without its grace', async () => {
  const { kept, registry, gone, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  kept.release(A)
  kept.detach(A)
  await turn(0)
  assert.deepEqual([...registry.instances.keys()], [])
  assert.deepEqual(gone, ['a'])
})

test('two workloads with one name are two', async () => {
  const { kept, registry, turn } = registrar()
  const thief = workloadRef('spiffe://mesh.test/ns/shop/sa/thief', 'shop/a')
  kept.attach(A, [instance()])
  await turn(0)
  kept.detach(A)
  kept.attach(thief, [instance(2, 'b')])
  kept.attach(A, [instance()])
  await turn(10_000)
  kept.detach(thief)
  await turn(10_000)
  assert.deepEqual([...registry.instances.keys()], ['a'])
  assert.ok(!registry.done.includes('deregister a'))
})

test('an identity has a limit of instances, also of those that a registry that is away still has', async () => {
  const { kept, registry, turn } = registrar()
  const many = (name: string) => Array.from({ length: 64 }, (_, i) => instance(1, `${name}:${i}`))
  registry.isAway = true
  for (let i = 0; i < 64; i++) {
    const workload = workloadRef(A.identity, `shop/${i}`)
    assert.ok(kept.attach(workload, many(workload.name)).ok)
    kept.release(workload)
  }
  const refused = kept.attach(A, [instance()])
  assert.match(refused.ok ? '' : refused.error, /sa\/a has more than 4096 instances/)
  assert.equal(kept.instanceCount, 0)
  assert.ok(kept.attach(workloadRef('spiffe://mesh.test/ns/shop/sa/b', 'shop/a'), [instance()]).ok)
  registry.isAway = false
  await turn(5_000)
  await turn(5_000)
  assert.ok(kept.attach(A, [instance(1, 'c')]).ok)
})

test('a sidecar that was with another replica and came back is ours again, also after the grace of that one', async () => {
  const one = registrar()
  one.kept.attach(A, [instance()])
  await one.turn(0)
  one.kept.detach(A)
  const two = registrar(one.registry, new TurnedClock(), 'two')
  two.kept.attach(A, [instance()])
  await two.turn(0)
  two.kept.detach(A)
  one.kept.attach(A, [instance()])
  await one.turn(0)
  await two.turn(2_000)
  assert.deepEqual([...one.registry.instances.keys()], ['a'])
  assert.ok(!one.registry.done.includes('deregister a'))
  assert.deepEqual([one.gone, two.gone], [[], []])
})

test('a sidecar that moves in the very moment in which it is to be taken out stays', async () => {
  const one = registrar()
  one.kept.attach(A, [instance()])
  await one.turn(0)
  const two = registrar(one.registry, new TurnedClock(), 'two')
  one.registry.afterRead = () => {
    two.kept.attach(A, [instance()])
    return two.kept.settled()
  }
  one.kept.release(A)
  await one.turn(0)
  assert.deepEqual([...one.registry.instances.keys()], ['a'])
  assert.ok(!one.registry.done.includes('deregister a'))
  assert.deepEqual(one.gone, [])
  const memo = await one.registry.get('instances/a')
  assert.equal(memo.ok && memo.value !== undefined && fromMemo(memo.value.value)?.replica, 'two')
})

test('what is wanted again before it was taken out was never gone', async () => {
  const { kept, registry, gone, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  for (const isAway of [false, true]) {
    registry.afterRead = () => {
      kept.setReady(A, true)
      return undefined
    }
    registry.isAway = isAway
    kept.setReady(A, false)
    await turn(0)
  }
  registry.isAway = false
  await turn(5_000)
  assert.deepEqual([registry.done, gone], [['register a:1'], []])
})

test('what is wanted again while it is being forgotten stays, and is remembered anew', async () => {
  const { kept, registry, gone, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  registry.afterDelete = () => kept.setReady(A, true)
  kept.setReady(A, false)
  await turn(0)
  assert.deepEqual([registry.done.includes('deregister a'), gone], [false, []])
  const memo = await registry.get('instances/a')
  assert.equal(memo.ok && memo.value !== undefined && fromMemo(memo.value.value)?.replica, 'one')
})

test('what a workload serves no more is taken out, and what it still serves stays', async () => {
  const { kept, registry, gone, turn } = registrar()
  kept.attach(A, [instance(), instance(1, 'b')])
  await turn(0)
  kept.attach(A, [instance()])
  await turn(0)
  assert.deepEqual([...registry.instances.keys()], ['a'])
  assert.deepEqual(gone, ['b'])
})

test('a registry that is slow to answer gets no second heartbeat, and the next one when it has answered', async () => {
  const { kept, registry, clock, turn } = registrar()
  kept.attach(A, [instance()])
  await turn(0)
  const answering = Promise.withResolvers<void>()
  registry.answering = answering.promise
  clock.turn(20_000)
  assert.equal(registry.beatCount, 1)
  answering.resolve()
  await kept.settled()
  await turn(5_000)
  assert.equal(registry.beatCount, 2)
})
