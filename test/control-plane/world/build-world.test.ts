import assert from 'node:assert/strict'
import test from 'ava'
import type { Instance } from '../../../control-plane/registry/registry.ts'
import { instance, manifests, meshWorld } from '../../support/mesh-world.ts'

const foreign = (id: string, service: string, change: Partial<Instance> = {}): Instance => ({
  id,
  service,
  address: '10.0.0.1',
  port: 7000,
  meta: {},
  tags: [],
  ...change,
})
const orders = (workload: string, appPort = 8080) =>
  instance({ workload, service: 'shop/orders', appPort, account: 'orders' })

test('buildWorld joins manifests and instances of one service', () => {
  const world = meshWorld(
    manifests(
      '{ apiVersion: v1, kind: Service, metadata: { name: orders }, spec: { ports: [{ name: web, port: 80 }] } }',
    ),
    [orders('shop/orders-1')],
  )
  const service = world.services.get('shop/orders')
  assert.deepEqual(service?.ports, [{ port: 80, name: 'web', protocol: 'http' }])
  assert.deepEqual(
    service?.endpoints.map(({ workload }) => workload),
    ['shop/orders-1'],
  )
})

test('buildWorld tells services apart whose registry names are the same', () => {
  const world = meshWorld(
    [],
    [instance({ workload: 'c/x', service: 'c/a-b' }), instance({ workload: 'b-c/y', service: 'b-c/a' })],
  )
  assert.deepEqual([...world.services.keys()], ['b-c/a', 'c/a-b'])
  for (const { endpoints } of world.services.values()) assert.equal(endpoints.length, 1)
})

test('buildWorld gathers what a workload serves, and its service account from its identity', () => {
  const world = meshWorld(
    [],
    [
      instance({ workload: 'shop/i-1', service: 'shop/inventory', account: 'inventory', labels: { app: 'i' } }),
      instance({ workload: 'shop/i-1', service: 'shop/inventory-v1', account: 'inventory', labels: { app: 'i' } }),
    ],
  )
  assert.deepEqual(world.workloads.get('shop/i-1'), {
    namespace: 'shop',
    name: 'i-1',
    serviceAccount: 'inventory',
    labels: { app: 'i' },
    serves: [
      { service: 'shop/inventory-v1', port: 80, appPort: 8080, protocol: 'http' },
      { service: 'shop/inventory', port: 80, appPort: 8080, protocol: 'http' },
    ],
  })
})

test('buildWorld names the instances that it leaves out, with the reason', () => {
  const broken = { ...orders('shop/orders-1'), id: 'c' }
  const world = meshWorld(
    [],
    [
      foreign('a', 'no address', { address: '' }),
      foreign('b', 'Bad Name!'),
      { ...broken, meta: { ...broken.meta, 'outrigger-port': 'http' } },
      foreign('d', 'db', { port: 0 }),
    ],
  )
  assert.equal(world.services.size, 0)
  assert.deepEqual(
    world.skipped.map(({ id, because }) => `${id}: ${because.split(':')[0]}`),
    [
      'a: it has no address',
      'b: its service "Bad Name!" has a name that no host name can be',
      'c: its metadata is not what the mesh writes',
      'd: its port is 0',
    ],
  )
})

test('buildWorld takes an instance that is told twice once', () => {
  const world = meshWorld([], [orders('shop/orders-1', 1), orders('shop/orders-1', 2)])
  assert.deepEqual(
    world.services.get('shop/orders')?.endpoints.map(({ appPort }) => appPort),
    [2],
  )
})
