import assert from 'node:assert/strict'
import test from 'ava'
import { InstanceMemory } from '../../../control-plane/push/instance-memory.ts'
import type { Instance } from '../../../control-plane/registry/registry.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const instance = (id: string): Instance => ({
  id,
  service: 'orders',
  address: '127.0.0.1',
  port: 1,
  meta: {},
  tags: [],
})

function memory() {
  const clock = new TurnedClock()
  let settled = 0
  const kept = new InstanceMemory(clock, 5_000, () => settled++)
  return { clock, kept, ids: () => kept.current().map(({ id }) => id), settledCount: () => settled }
}

test('in ordinary times the registry is believed at once', () => {
  const { kept, ids } = memory()
  kept.accept('orders', [instance('a'), instance('b')])
  kept.accept('orders', [instance('b')])
  assert.deepEqual(ids(), ['b'])
})

test('while the registry is away, and for a while after, nobody is missed', () => {
  const { clock, kept, ids, settledCount } = memory()
  kept.accept('orders', [instance('a'), instance('b')])
  kept.suspend()
  kept.accept('orders', [])
  assert.deepEqual(ids(), ['a', 'b'])
  kept.resume()
  kept.accept('orders', [instance('b')])
  clock.turn(4_999)
  assert.deepEqual(ids(), ['a', 'b'])
  clock.turn(1)
  assert.deepEqual(ids(), ['b'])
  assert.equal(settledCount(), 1)
})

test('a registry that goes away again extends the window', () => {
  const { clock, kept, ids } = memory()
  kept.accept('orders', [instance('a')])
  kept.resume()
  kept.accept('orders', [])
  clock.turn(4_000)
  kept.suspend()
  clock.turn(60_000)
  assert.deepEqual(ids(), ['a'])
  kept.resume()
  clock.turn(5_000)
  assert.deepEqual(ids(), [])
})

test('whoever left for certain is not kept, even in the window', () => {
  const { kept, ids } = memory()
  kept.accept('orders', [instance('a'), instance('b')])
  kept.suspend()
  kept.accept('orders', [instance('b')])
  kept.forget('a')
  kept.forget('b')
  assert.deepEqual(ids(), [])
})

test('what was known before the start counts until the window closes, and a new address replaces the old', () => {
  const { clock, kept, ids } = memory()
  kept.recall([instance('a'), instance('b')])
  kept.accept('orders', [{ ...instance('b'), port: 2 }])
  assert.deepEqual(ids(), ['a', 'b'])
  assert.equal(kept.current()[1]?.port, 2)
  clock.turn(5_000)
  assert.deepEqual(ids(), ['b'])
})

test('a start that knows of nobody needs no window', () => {
  const { kept } = memory()
  kept.recall([])
  assert.ok(kept.isSettled)
})
