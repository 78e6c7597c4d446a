import assert from 'node:assert/strict'
import test from 'ava'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { Discovery, toServiceName } from '../../../sidecar/config-client/discovery.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { service } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

function stage() {
  const asked: string[] = []
  const unwanted: string[] = []
  const answers: (() => void)[] = []
  const clock = new TurnedClock()
  const want = (kind: string, name: string): Promise<void> => {
    asked.push(`${kind} ${name}`)
    return new Promise((resolve) => answers.push(resolve))
  }
  const store = new SnapshotStore()
  const discovery = new Discovery({
    watch: { want, unwant: (kind, name) => void unwanted.push(`${kind} ${name}`) },
    store,
    clock,
    namespace: 'shop',
  })
  const answer = (): void => {
    for (const resolve of answers.splice(0)) resolve()
  }
  return { discovery, asked, unwanted, store, clock, answer }
}

test('the names that DNS knows mean a service, others none', () => {
  for (const host of ['orders', 'orders.shop', 'orders.shop.svc', 'orders.shop.svc.cluster.local'])
    assert.equal(toServiceName(host, 'shop'), 'shop/orders', host)
  assert.equal(toServiceName('orders.other', 'shop'), 'other/orders')
  for (const host of ['', 'example.com.au.org', '10.0.0.1', 'a..svc', 'orders.shop.pod', '__proto__', 'x'.repeat(64)])
    assert.equal(toServiceName(host, 'shop'), undefined, host)
})

test('a service is asked for once; who comes meanwhile waits for the same answer, who comes later for none', async () => {
  const { discovery, asked, answer } = stage()
  const first = discovery.ask('orders')
  assert(first !== undefined)
  assert.equal(discovery.ask('orders.shop'), first)
  assert.deepEqual(asked, ['Service shop/orders', 'Endpoints shop/orders'])
  answer()
  await first
  await Promise.resolve()
  assert.equal(discovery.ask('orders'), undefined)
})

test('a control plane that is away holds a request for two seconds, not for ever', async () => {
  const { discovery, clock } = stage()
  let isOver = false
  const waiting = discovery.ask('orders')?.then(() => {
    isOver = true
  })
  clock.turn(1_999)
  await Promise.resolve()
  assert.equal(isOver, false)
  clock.turn(1)
  await waiting
})

test('names that an application makes up are bounded', () => {
  const { discovery, asked } = stage()
  for (let i = 0; i < LIMITS.discoveredServiceCount + 10; i++) discovery.ask(`made-up-${i}`)
  assert.equal(asked.length, 2 * LIMITS.discoveredServiceCount)
})

test('a name that means nothing is forgotten, so that made-up ones leave room for those that mean something', async () => {
  const { discovery, asked, unwanted, clock, answer } = stage()
  for (let i = 0; i < LIMITS.discoveredServiceCount; i++) discovery.ask(`made-up-${i}`)
  assert.equal(discovery.ask('orders'), undefined, 'there is no room')
  answer()
  await new Promise(setImmediate)
  clock.turn(10_000)
  assert.equal(unwanted.length, 2 * LIMITS.discoveredServiceCount)
  assert.notEqual(discovery.ask('orders'), undefined)
  assert.equal(asked.at(-1), 'Endpoints shop/orders')
})

test('a host that is known is not asked for', () => {
  const { discovery, asked, store } = stage()
  store.apply([{ put: service({ hostnames: ['orders', 'orders.example.com'] }) }])
  assert.equal(discovery.ask('orders'), undefined)
  assert.equal(discovery.ask('orders.example.com'), undefined)
  assert.deepEqual(asked, [])
})

test('a service that is there is kept, when its answer came at once and when it came late', async () => {
  const { discovery, unwanted, store, clock, answer } = stage()
  void discovery.ask('orders')
  void discovery.ask('late')
  store.apply([{ put: service({ name: 'shop/orders' }) }])
  answer()
  await new Promise(setImmediate)
  clock.turn(5_000)
  store.apply([{ put: service({ name: 'shop/late', hostnames: ['late'] }) }])
  clock.turn(10_000)
  assert.deepEqual(unwanted, [])
})
