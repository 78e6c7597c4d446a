import assert from 'node:assert/strict'
import test from 'ava'
import type { Instance } from '../../../control-plane/registry/registry.ts'
import { instance, manifests, meshWorld, refIn } from '../../support/mesh-world.ts'

const foreign = (id: string, service: string, change: Partial<Instance> = {}): Instance => ({
  id,
  service,
  address: '10.0.0.1',
  port: 7000,
  meta: {},
  tags: [],
  ...change,
})
/** A Service that these accounts may serve. */
const serviceOf = (name: string, accounts: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n  annotations: {outrigger.dev/service-accounts: "${accounts}"}\nspec: {ports: [{port: 80}]}\n`
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
  assert.deepEqual(service?.ports, [{ port: 80, name: 'web', protocol: 'auto' }])
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
  const world = meshWorld(manifests(serviceOf('inventory-v1', 'inventory')), [
    instance({ workload: 'shop/i-1', service: 'shop/inventory', account: 'inventory', labels: { app: 'i' } }),
    instance({ workload: 'shop/i-1', service: 'shop/inventory-v1', account: 'inventory', labels: { app: 'i' } }),
  ])
  assert.deepEqual(world.workloads.get(refIn(world, 'shop/i-1').key), {
    identity: 'spiffe://mesh.local/ns/shop/sa/inventory',
    namespace: 'shop',
    name: 'i-1',
    serviceAccount: 'inventory',
    labels: { app: 'i' },
    serves: [
      { service: 'shop/inventory-v1', port: 80, appPort: 8080, protocol: 'auto' },
      { service: 'shop/inventory', port: 80, appPort: 8080, protocol: 'auto' },
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

test('buildWorld leaves out instances whose identity may not serve the service, whoever registered them', () => {
  const thief = instance({ workload: 'shop/thief', service: 'shop/orders', account: 'thief' })
  const stranger = { ...orders('shop/orders-2'), id: 'stranger' }
  const instances = [
    orders('shop/orders-1'),
    thief,
    { ...stranger, meta: { ...stranger.meta, 'outrigger-identity': 'spiffe://other.mesh/ns/shop/sa/orders' } },
    instance({ workload: 'bank/orders', service: 'shop/orders', account: 'orders' }),
  ]
  const served = (world: ReturnType<typeof meshWorld>) =>
    world.services.get('shop/orders')?.endpoints.map(({ workload }) => workload)
  const world = meshWorld([], instances)
  assert.deepEqual(served(world), ['shop/orders-1'])
  assert.deepEqual(
    world.skipped.map(({ because }) => because.split(/[,:]/)[0]),
    ['spiffe', 'service account "thief" may not serve shop/orders', 'spiffe'],
  )
  assert.deepEqual(
    [...world.workloads.values()].map(({ name }) => name),
    ['orders-1'],
  )
  assert.deepEqual(served(meshWorld(manifests(serviceOf('orders', 'orders, thief')), instances)), [
    'shop/orders-1',
    'shop/thief',
  ])
  assert.deepEqual(served(meshWorld(manifests(serviceOf('orders', 'thief')), instances)), ['shop/thief'])
})

test('buildWorld keeps workloads of one name apart by their identities', () => {
  const world = meshWorld(
    [],
    [
      instance({ workload: 'shop/app', service: 'shop/orders', account: 'orders' }),
      instance({ workload: 'shop/app', service: 'shop/web', account: 'web' }),
    ],
  )
  assert.deepEqual(
    [...world.workloads.values()].map(({ serviceAccount, serves }) => [serviceAccount, serves[0]?.service]),
    [
      ['orders', 'shop/orders'],
      ['web', 'shop/web'],
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
