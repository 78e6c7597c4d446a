import assert from 'node:assert/strict'
import test from 'ava'
import { type Change, type Rejection, SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import {
  call,
  controlPlane,
  eventually,
  joinToken,
  registration,
  TestSidecar,
  TIMES,
  temporaryFolder,
} from './fixture.ts'

const SERVICE = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{name: http, port: 80}]}
`
const route = (header: string): string => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: orders, port: 80}]
  rules:
    - filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-route, value: "${header}"}]}}]
      backendRefs: [{name: orders, port: 80}]
`

/** Keeps what was told, and refuses what it is asked to. */
class ObservedStore extends SnapshotStore {
  readonly told: string[] = []
  refuse: (change: Change) => boolean = () => false

  override apply(changes: readonly Change[]): readonly Rejection[] {
    const refused: Rejection[] = []
    const taken = changes.filter((change) => {
      const { kind, name } =
        'put' in change ? (change.put as { kind: string; name: string }) : { kind: change.delete, name: change.name }
      this.told.push(`${kind}/${name}`)
      if (!this.refuse(change)) return true
      const version = 'put' in change ? (change.version ?? '') : ''
      refused.push({ kind, name, version, problems: [], reason: 'the test refuses it' })
      return false
    })
    return [...refused, ...super.apply(taken)]
  }
}

const routeHeader = (store: SnapshotStore): string | undefined =>
  store.current.services.get('shop/orders')?.routes[0]?.filters.request?.set[0]?.value

test('a sidecar joins with a token, and is told itself, its trust and what it asks for', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  await web.watch.waitReady()
  assert.equal(web.store.current.workload?.identity, 'spiffe://mesh.test/ns/shop/sa/web')
  assert.equal(web.store.current.trust?.sequence, 1)
  assert.equal(web.store.current.endpoints.get('shop/orders'), undefined)
  await using _orders = await TestSidecar.start({
    ...common,
    workload: 'shop/orders',
    serves: [registration('shop/orders', 15008)],
  })
  await eventually('the endpoint arrives', () => web.store.current.endpoints.get('shop/orders')?.endpoints.length === 1)
})

test('after a lost connection only what differs is sent', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  await call(plane, 'PUT', '/v1/manifests', SERVICE)
  const store = new ObservedStore()
  const first = await TestSidecar.start({ ...common, workload: 'shop/web', store })
  await Promise.all([first.watch.want('Service', 'shop/orders'), first.watch.waitReady()])
  await first[Symbol.asyncDispose]()
  await call(plane, 'PUT', '/v1/manifests', route('one'))
  store.told.length = 0
  // the same snapshot and identity, as after a restart from the disk
  await using again = await TestSidecar.start({ ...common, workload: 'shop/web', store, identities: first.identities })
  await eventually('the route arrives', () => routeHeader(store) === 'one')
  await eventually('all is answered', () => again.watch.status.connected)
  assert.deepEqual(store.told, ['Service/shop/orders'])
})

test('a refused resource leaves the old one serving and shows at the manifest that caused it', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  await call(plane, 'PUT', '/v1/manifests', `${SERVICE}---\n${route('good')}`)
  const store = new ObservedStore()
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web', store })
  await web.watch.want('Service', 'shop/orders')
  const programmed = async (): Promise<{ status: string; message: string }> => {
    const { body } = await call(plane, 'GET', '/v1/manifests/HTTPRoute/shop/orders')
    return body.status.conditions.find(({ type }: { type: string }) => type === 'Programmed')
  }
  assert.equal((await programmed()).status, 'True')
  store.refuse = (change) => 'put' in change && JSON.stringify(change.put).includes('"bad"')
  await call(plane, 'PUT', '/v1/manifests', route('bad'))
  await eventually('the refusal shows', async () => (await programmed()).status === 'False')
  assert.match((await programmed()).message, /shop\/web refused Service shop\/orders: the test refuses it/)
  assert.equal(routeHeader(store), 'good')
  const { body } = await call(plane, 'GET', '/v1/status')
  const orders = body.workloads[0].resources.find(({ kind }: { kind: string }) => kind === 'Service')
  assert.equal(orders.nack.version, orders.sent)
  assert.notEqual(orders.acked, orders.sent)
  await call(plane, 'PUT', '/v1/manifests', route('better'))
  await eventually('the next version settles it', async () => (await programmed()).status === 'True')
  assert.equal(routeHeader(store), 'better')
})

test('a drained workload leaves every endpoint list at once, and comes back when it says so', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  const serves = [registration('shop/orders', 15008)]
  await using orders = await TestSidecar.start({ ...common, workload: 'shop/orders', serves })
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  const count = (): number => web.store.current.endpoints.get('shop/orders')?.endpoints.length ?? 0
  await eventually('the endpoint is there', () => count() === 1)
  orders.watch.setHealthy(false)
  await eventually('the endpoint is gone', () => count() === 0)
  orders.watch.setHealthy(true)
  await eventually('the endpoint is back', () => count() === 1)
})

test('a sidecar that reconnects within its grace never leaves the endpoint lists', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path, { times: { ...TIMES, graceMs: 3_600_000 } })
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  const serves = [registration('shop/orders', 15008)]
  const orders = await TestSidecar.start({ ...common, workload: 'shop/orders', serves })
  const store = new ObservedStore()
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web', store })
  void web.watch.want('Endpoints', 'shop/orders')
  await eventually('the endpoint is there', () => store.current.endpoints.get('shop/orders')?.endpoints.length === 1)
  store.told.length = 0
  await orders[Symbol.asyncDispose]()
  const { identities } = orders
  await using _back = await TestSidecar.start({ ...common, workload: 'shop/orders', serves, identities })
  await using _other = await TestSidecar.start({
    ...common,
    workload: 'shop/orders-2',
    serves: [registration('shop/orders', 15009)],
  })
  await eventually('the second one is there', () => store.current.endpoints.get('shop/orders')?.endpoints.length === 2)
  assert.deepEqual(store.told, ['Endpoints/shop/orders'])
})
