import assert from 'node:assert/strict'
import test from 'ava'
import { compileView } from '../../../control-plane/compile/compile-view.ts'
import type { ResourceView } from '../../../control-plane/push/resource-source.ts'
import { instance, meshWorld, refIn } from '../../support/mesh-world.ts'

const WORLD = meshWorld([], [instance({ workload: 'shop/orders-1', service: 'shop/orders' })])

test('compileView compiles a service once for all callers of a namespace', () => {
  const view: ResourceView = compileView(WORLD)
  const first = view.find(refIn(WORLD, 'shop/web-1'), 'Service', 'shop/orders')
  assert.equal(view.find(refIn(WORLD, 'shop/web-2'), 'Service', 'shop/orders'), first)
  assert.notEqual(view.find(refIn(WORLD, 'tools/web-2'), 'Service', 'shop/orders')?.version, first?.version)
})

test('compileView gives the same version to the same content in another generation', () => {
  const later = compileView({ ...WORLD, generation: 9 })
  assert.equal(later.generation, 9)
  assert.deepEqual(
    later.find(refIn(WORLD, 'shop/web-1'), 'Service', 'shop/orders'),
    compileView(WORLD).find(refIn(WORLD, 'shop/web-1'), 'Service', 'shop/orders'),
  )
})

test('compileView knows a workload that is connected and serves nothing', () => {
  const ref = refIn(WORLD, 'shop/web-1')
  const web = {
    identity: ref.identity,
    namespace: 'shop',
    name: 'web-1',
    serviceAccount: 'web-1',
    labels: {},
    serves: [],
  }
  const view = compileView(WORLD, new Map([[ref.key, web]]))
  assert.deepEqual(view.find(refIn(WORLD, 'shop/web-1'), 'Workload', 'shop/web-1')?.resource, {
    kind: 'Workload',
    name: 'shop/web-1',
    identity: 'spiffe://mesh.local/ns/shop/sa/web-1',
    serves: [],
    mtls: 'STRICT',
  })
  assert.equal(compileView(WORLD).find(refIn(WORLD, 'shop/web-1'), 'Workload', 'shop/web-1'), undefined)
})

test('compileView tells a workload nothing of what others may be called by', () => {
  const view = compileView(WORLD)
  assert.equal(view.find(refIn(WORLD, 'shop/web-1'), 'Authorization', 'shop/orders-1'), undefined)
  assert.equal(view.find(refIn(WORLD, 'shop/web-1'), 'Workload', 'shop/orders-1'), undefined)
  assert.equal(view.find(refIn(WORLD, 'shop/web-1'), 'Trust', 'other.mesh'), undefined)
  assert.equal(view.find(refIn(WORLD, 'shop/web-1'), 'Telemetry', 'other'), undefined)
})
