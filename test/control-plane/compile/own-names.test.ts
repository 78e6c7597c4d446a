import assert from 'node:assert/strict'
import test from 'ava'
import { compileView } from '../../../control-plane/compile/compile-view.ts'
import { instance, meshWorld, refIn } from '../../support/mesh-world.ts'

const WORLD = meshWorld(
  [],
  [
    instance({ workload: 'shop/orders-1', service: 'shop/orders' }),
    instance({ workload: 'shop/web-1', service: 'shop/web' }),
  ],
)

test('a workload that serves is told of itself under its own name, and under no other', () => {
  const view = compileView(WORLD)
  const orders = refIn(WORLD, 'shop/orders-1')
  for (const kind of ['Workload', 'Authorization'] as const) {
    assert.equal(view.find(orders, kind, 'shop/orders-1')?.resource.name, 'shop/orders-1')
    for (const other of ['shop/web-1', 'shop/gone-1', 'orders-1', '']) {
      assert.equal(view.find(orders, kind, other), undefined, `${kind} ${other}`)
    }
  }
})
