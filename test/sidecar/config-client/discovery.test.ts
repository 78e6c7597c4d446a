import assert from 'node:assert/strict'
import test from 'ava'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { Discovery, toServiceName } from '../../../sidecar/config-client/discovery.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
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
  const discovery = new Discovery({
    watch: { want, unwant: (kind, name) => void unwanted.push(`${kind} ${name}`) },
    store: new SnapshotStore(undefined),
    clock,
    namespace: 'shop',
  })
  const answer = (): void => {
    for (const resolve of answers.splice(0)) resolve()
  }
  return { discovery, asked, unwanted, clock, answer }
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
