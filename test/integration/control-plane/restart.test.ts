import assert from 'node:assert/strict'
import test from 'ava'
import { controlPlane, eventually, joinToken, registration, TestSidecar, temporaryFolder } from './fixture.ts'

test('a control plane that restarts takes no endpoint from anybody, though their heartbeats ran out', async () => {
  await using folder = await temporaryFolder()
  const first = await controlPlane(folder.path)
  const { push } = first.ports
  const common = { port: push, bundleFile: first.bundleFile, token: await joinToken(first) }
  await using orders = await TestSidecar.start({
    ...common,
    workload: 'shop/orders',
    serves: [registration('shop/orders', 15008)],
  })
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  const counts = new Set<number>()
  web.store.subscribe(({ endpoints }) => void counts.add(endpoints.get('shop/orders')?.endpoints.length ?? 0))
  await eventually('the endpoint is there', () => counts.has(1))
  counts.clear()
  await first.close()
  await eventually('the sidecar knows that it may be outdated', () => web.watch.status.staleSinceMs !== undefined)
  assert.equal(web.store.current.endpoints.get('shop/orders')?.endpoints.length, 1)

  // one heartbeat and time to live of nothing: the instance is over before the sidecars are back
  await using second = await controlPlane(folder.path, {
    push: { host: '127.0.0.1', port: push },
    times: { instanceTtlMs: 3_000, heartbeatMs: 200, graceMs: 150, settleMs: 4_000, debounceMs: 2, maxDebounceMs: 20 },
  })
  await eventually('both are back', () => web.watch.status.connected && orders.watch.status.connected)
  await using _more = await TestSidecar.start({
    ...common,
    token: await joinToken(second),
    workload: 'shop/orders-2',
    serves: [registration('shop/orders', 15009)],
  })
  await eventually('a new endpoint is pushed', () => counts.has(2))
  assert.deepEqual([...counts].filter((count) => count < 1), [])
})

test('an instance that never comes back is gone when the settle window is over', async () => {
  await using folder = await temporaryFolder()
  const times = { instanceTtlMs: 1_000, heartbeatMs: 200, graceMs: 150, settleMs: 300, debounceMs: 2, maxDebounceMs: 20 }
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
