import assert from 'node:assert/strict'
import test from 'ava'
import type { ControlPlane } from '../../../control-plane/control-plane.ts'
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

const serviceOf = (accounts?: string): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: orders\n  namespace: shop\n${accounts === undefined ? '' : `  annotations: {outrigger.dev/service-accounts: "${accounts}"}\n`}spec: {ports: [{port: 80}]}\n`

/** Workloads that callers of `orders` are led to. */
const endpointsOf = ({ store }: TestSidecar): readonly string[] =>
  [...(store.current.endpoints.get('shop/orders')?.endpoints ?? [])].map(({ workload }) => workload).sort()

async function caller(plane: ControlPlane, token: string): Promise<TestSidecar> {
  const web = await TestSidecar.start({
    port: plane.ports.push,
    bundleFile: plane.bundleFile,
    token,
    workload: 'shop/web',
  })
  for (const kind of ['Service', 'Endpoints'] as const) void web.watch.want(kind, 'shop/orders')
  return web
}

test('a workload takes no traffic of a service that is not its own, until the Service says that it may, and no longer', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path, { times: { ...TIMES, graceMs: 3_600_000 } })
  const token = await joinToken(plane)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token }
  await using web = await caller(plane, token)
  const serves = [registration('shop/orders', 15008)]
  await using _orders = await TestSidecar.start({ ...common, workload: 'shop/orders-1', serves })
  const thiefServes = [registration('shop/orders', 15009)]
  await using thief = await TestSidecar.start({
    ...common,
    workload: 'shop/web-2',
    serviceAccount: 'thief',
    serves: thiefServes,
  })
  await eventually('the one is there', () => endpointsOf(web).length === 1)
  await eventually('the other is told why it is not', () =>
    /service account "thief" may not serve shop\/orders, only "orders" may.*shop\/orders: outrigger\.dev\/service-accounts: "orders, thief"/.test(
      thief.watch.status.trouble ?? '',
    ),
  )
  assert.deepEqual(endpointsOf(web), ['shop/orders-1'])

  assert.equal((await call(plane, 'PUT', '/v1/manifests', serviceOf('orders, thief'))).status, 200)
  await eventually('it may now', () => endpointsOf(web).join() === 'shop/orders-1,shop/web-2')

  // Its grace is an hour: what it registered must end before that.
  assert.equal((await call(plane, 'PUT', '/v1/manifests', serviceOf())).status, 200)
  await eventually('it may not any more', () => endpointsOf(web).join() === 'shop/orders-1')
  await eventually('it is sent away', () => !thief.watch.status.connected)
  const { body } = await call(plane, 'GET', '/v1/status')
  assert.deepEqual(
    (body.workloads as { name: string }[]).map(({ name }) => name),
    ['shop/orders-1', 'shop/web'],
  )
  await eventually('the registry knows nothing of it', async () => {
    const { skipped } = (await call(plane, 'GET', '/v1/status')).body as { skipped: unknown[] }
    return skipped.length === 0
  })
})

test('whoever takes the name of a workload that is away takes nothing from it', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path, { times: { ...TIMES, graceMs: 3_600_000 } })
  const token = await joinToken(plane)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token }
  await using web = await caller(plane, token)
  const serves = [registration('shop/orders', 15008)]
  const orders = await TestSidecar.start({ ...common, workload: 'shop/orders-1', serves })
  await eventually('it is there', () => endpointsOf(web).length === 1)
  const { identities } = orders
  await orders[Symbol.asyncDispose]()
  await using squatter = await TestSidecar.start({ ...common, workload: 'shop/orders-1', serviceAccount: 'thief' })
  await squatter.watch.waitReady()
  assert.equal(squatter.watch.status.connected, true)
  assert.deepEqual(endpointsOf(web), ['shop/orders-1'])
  await using back = await TestSidecar.start({ ...common, workload: 'shop/orders-1', serves, identities })
  await back.watch.waitReady()
  assert.equal(back.watch.status.connected, true)

  const ask = (more: object = {}) =>
    call(plane, 'POST', '/v1/explain', JSON.stringify({ from: 'shop/orders-1', ...more }))
  const ambiguous = await ask()
  assert.equal(ambiguous.status, 409)
  const [owner, thief] = ['orders', 'thief'].map((account) => `spiffe://mesh.test/ns/shop/sa/${account}`)
  assert.equal(ambiguous.body.error.allowed, `${owner}, ${thief}`)
  const exact = await ask({ identity: thief })
  assert.equal(exact.body.caller.identity, thief)
  const path = '/v1/workloads/shop/orders-1/resources'
  assert.equal((await call(plane, 'GET', path)).status, 409)
  const own = await call(plane, 'GET', `${path}?identity=${encodeURIComponent(owner ?? '')}`)
  assert.equal(own.body.identity, owner)
  assert.equal(own.body.connected, true)
})
