import assert from 'node:assert/strict'
import test from 'ava'
import { ConsulAgent, isConsulInstalled } from '../../support/consul-agent.ts'
import { pause } from '../../support/eventually.ts'
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

const withConsul = isConsulInstalled('the control plane on a real Consul') ? test : test.skip

withConsul('Consul stops and comes back with every heartbeat missed: no sidecar loses an endpoint', async (t) => {
  t.timeout(180_000)
  await using folder = await temporaryFolder()
  await using agent = await ConsulAgent.start()
  const times = { ...TIMES, instanceTtlMs: 2_000, heartbeatMs: 100, settleMs: 60_000 }
  await using plane = await controlPlane(folder.path, { registryUrl: agent.url, times })
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  await using _orders = await TestSidecar.start({
    ...common,
    workload: 'shop/orders',
    serves: [registration('shop/orders', 15008)],
  })
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  void web.watch.want('Endpoints', 'shop/orders')
  const counts: number[] = []
  web.store.subscribe(({ endpoints }) => void counts.push(endpoints.get('shop/orders')?.endpoints.length ?? 0))
  await eventually('the endpoint is there', () => counts.at(-1) === 1)
  counts.length = 0

  await agent.stop()
  const registry = async () => (await call(plane, 'GET', '/v1/status')).body.registry
  await eventually('the control plane knows', async () => (await registry()).available === false)
  const refused = await call(
    plane,
    'PUT',
    '/v1/manifests',
    'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 80}]}\n',
  )
  assert.equal(refused.status, 503)
  await using late = await TestSidecar.start({ ...common, workload: 'shop/late' })
  await late.watch.want('Endpoints', 'shop/orders')
  assert.equal(late.store.current.endpoints.get('shop/orders')?.endpoints.length, 1)

  await pause(times.instanceTtlMs)
  await agent.resume()
  await eventually('the control plane knows', async () => (await registry()).available === true)
  await using _second = await TestSidecar.start({
    ...common,
    workload: 'shop/orders-2',
    serves: [registration('shop/orders', 15009)],
  })
  await eventually('a new endpoint is pushed', () => counts.at(-1) === 2)
  assert.deepEqual(
    counts.filter((count) => count < 1),
    [],
  )
})
