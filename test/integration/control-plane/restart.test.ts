import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'ava'
import { pause } from '../../support/eventually.ts'
import { nobodyHealthy } from '../../support/nobody-healthy.ts'
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

test('a control plane that restarts takes no endpoint from anybody, though its heartbeats ran out', async () => {
  await using folder = await temporaryFolder()
  const times = { ...TIMES, instanceTtlMs: 1_000, heartbeatMs: 50, settleMs: 60_000 }
  const first = await controlPlane(folder.path, { times })
  const { push } = first.ports
  const common = { port: push, bundleFile: first.bundleFile, token: await joinToken(first) }
  const serves = [registration('shop/orders', 15008)]
  const orders = await TestSidecar.start({ ...common, workload: 'shop/orders', serves })
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  const seen: string[][] = []
  web.store.subscribe(({ endpoints }) => {
    seen.push((endpoints.get('shop/orders')?.endpoints ?? []).map(({ workload }) => workload))
  })
  const last = (): readonly string[] => seen.at(-1) ?? []
  await eventually('the endpoint is there', () => last().includes('shop/orders'))
  await first.close()
  await eventually('the sidecar knows that it may be outdated', () => web.watch.status.staleSinceMs !== undefined)
  await orders[Symbol.asyncDispose]()
  await nobodyHealthy(join(folder.path, 'registry.db'), 'orders-shop')

  seen.length = 0
  await using second = await controlPlane(folder.path, { times, push: { host: '127.0.0.1', port: push } })
  await eventually('the caller is back', () => web.watch.status.connected)
  await using _more = await TestSidecar.start({
    ...common,
    token: await joinToken(second),
    workload: 'shop/orders-2',
    serves: [registration('shop/orders', 15009)],
  })
  await eventually('a new endpoint is pushed', () => last().includes('shop/orders-2'))
  await using _back = await TestSidecar.start({
    ...common,
    workload: 'shop/orders',
    serves,
    identities: orders.identities,
  })
  await eventually('the old one is healthy again', async () => {
    const { body } = await call(second, 'GET', '/v1/status')
    return body.workloads.length === 3
  })
  assert.deepEqual(
    seen.filter((workloads) => !workloads.includes('shop/orders')),
    [],
  )
})

test('an instance that never comes back is gone when the settle window is over', async () => {
  await using folder = await temporaryFolder()
  const times = { ...TIMES, instanceTtlMs: 1_000 }
  const first = await controlPlane(folder.path, { times })
  const { push } = first.ports
  const common = { port: push, bundleFile: first.bundleFile, token: await joinToken(first) }
  const orders = await TestSidecar.start({
    ...common,
    workload: 'shop/orders',
    serves: [registration('shop/orders', 15008)],
  })
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  const count = (): number | undefined => web.store.current.endpoints.get('shop/orders')?.endpoints.length
  await eventually('the endpoint is there', () => count() === 1)
  await first.close()
  await orders[Symbol.asyncDispose]()
  await using _second = await controlPlane(folder.path, { times, push: { host: '127.0.0.1', port: push } })
  await eventually('the endpoint is gone', () => count() === 0 || count() === undefined)
})

test('a renewed certificate gets a new stream without a gap', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  const serves = [registration('shop/orders', 15008)]
  await using orders = await TestSidecar.start({ ...common, workload: 'shop/orders', serves })
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  const counts: number[] = []
  web.store.subscribe(({ endpoints }) => void counts.push(endpoints.get('shop/orders')?.endpoints.length ?? 0))
  await eventually('the endpoint is there', () => counts.at(-1) === 1)
  counts.length = 0
  const since = async (): Promise<number> => {
    const { body } = await call(plane, 'GET', '/v1/status')
    return body.workloads.find(({ name }: { name: string }) => name === 'shop/orders')?.connectedSinceMs
  }
  const before = await since()
  const statuses = orders.statuses.length
  orders.rotation.renewNow()
  await eventually('the sidecar has a new stream', async () => (await since()) > before)
  assert.equal(orders.rotation.state.renewalCount, 2)
  assert.equal(orders.statuses.length, statuses)
  assert.deepEqual(
    counts.filter((count) => count < 1),
    [],
  )
})

test('two control planes on one registry: a sidecar that moves from one to the other never leaves', async () => {
  await using folder = await temporaryFolder()
  const first = await controlPlane(folder.path)
  await using second = await controlPlane(folder.path)
  const token = await joinToken(first)
  const common = { bundleFile: first.bundleFile, token }
  await using web = await TestSidecar.start({ ...common, port: second.ports.push, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  const serves = [registration('shop/orders', 15008)]
  const orders = await TestSidecar.start({ ...common, port: first.ports.push, workload: 'shop/orders', serves })
  await using near = await TestSidecar.start({ ...common, port: first.ports.push, workload: 'shop/near' })
  void near.watch.want('Endpoints', 'shop/orders')
  const counts: number[] = []
  for (const { store } of [web, near])
    store.subscribe(({ endpoints }) => void counts.push(endpoints.get('shop/orders')?.endpoints.length ?? 0))
  await eventually('both have the endpoint', () =>
    [web, near].every(({ store }) => store.current.endpoints.get('shop/orders')?.endpoints.length === 1),
  )
  counts.length = 0
  const { identities } = orders
  await using _moved = await TestSidecar.start({
    ...common,
    port: second.ports.push,
    workload: 'shop/orders',
    serves,
    identities,
  })
  await eventually('the second one has it', async () => {
    const { body } = await call(second, 'GET', '/v1/status')
    return body.workloads.some(({ name }: { name: string }) => name === 'shop/orders')
  })
  await orders[Symbol.asyncDispose]()
  await eventually('the first one let it go', async () => {
    const { body } = await call(first, 'GET', '/v1/status')
    return body.workloads.length === 1
  })
  await pause(2 * TIMES.graceMs)
  // any change makes the first one tell what it believes
  await call(
    first,
    'PUT',
    '/v1/manifests',
    'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 80}]}\n',
  )
  const told = await call(first, 'POST', '/v1/explain', '{"from":"shop/near","services":["shop/orders"]}')
  assert.equal(told.body.callees.length, 1)
  await first.close()
  const { body } = await call(second, 'GET', '/v1/status')
  assert.equal(body.services.find(({ name }: { name: string }) => name === 'shop/orders').endpoints.length, 1)
  assert.deepEqual(
    counts.filter((count) => count < 1),
    [],
  )
})
