import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'ava'
import { eventually, pause } from '../../support/eventually.ts'
import { forgetInstances } from '../../support/forget-instances.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

const DENY = `apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
  action: DENY
  rules: [{http: {paths: [{type: Exact, value: /closed}]}}]
`

test('without a control plane a sidecar restarts from what it kept and serves; when it is back, nothing fails and all is current', async () => {
  await using mesh = await startTestMesh({
    services: { orders: { replicas: 2 } },
    callers: ['web', 'batch'],
    manifests: DENY,
    // sidecars try again every three seconds at the latest
    times: { settleMs: 10_000 },
  })
  const [web, batch, orders] = [mesh.workload('web'), mesh.workload('batch'), mesh.workload('orders-0')]
  const certificates = async (): Promise<readonly string[]> =>
    Promise.all([batch, orders].map(async (workload) => (await workload.admin('/certs')).notAfter))
  await using load = MeshLoad.start(() => mesh.call('web', 'orders', '/'), 4, 2)
  await load.good(50)
  const heldBefore = await certificates()

  await mesh.stopControlPlane()
  await load.good(50)
  // callee and caller, both with nothing but their state directory
  await orders.restart()
  await batch.restart()
  await eventually('both serve without a control plane', async () => (await orders.isReady()) && batch.isReady())
  assert.deepEqual(await certificates(), heldBefore, 'the identity is the one that was kept')
  assert.equal((await mesh.endpoints('batch', 'orders')).length, 2)
  const by = new Set<string>()
  await eventually('the restarted caller reaches both instances, one of them restarted', async () => {
    const { status, headers } = await batch.call('orders', '/')
    assert.equal(status, 200)
    by.add(String(headers['x-workload']))
    return by.size === 2
  })
  assert.equal((await batch.call('orders', '/closed')).status, 403, 'the policy serves on')
  const metrics = await web.metrics()
  assert(metrics.get('outrigger_config_stale_seconds') !== 0, 'it says that it may be outdated')
  assert.equal(metrics.get('outrigger_watch_losses_total'), 1)

  const seen: number[] = []
  let isWatching = true
  const watching = (async () => {
    while (isWatching) {
      for (const from of ['web', 'batch']) seen.push((await mesh.endpoints(from, 'orders')).length)
      await pause(5)
    }
  })()
  assert.equal(await forgetInstances(join(mesh.directory, 'registry.db'), 'orders-shop'), 2, 'heartbeats were missed')
  await mesh.startControlPlane()
  await eventually('all sidecars are back', async () => {
    return (await mesh.api('GET', '/v1/status')).body.workloads.length === mesh.workloads.size
  })
  await load.good(100)
  await eventually('the settle window is over, after which those that did not come back are missed', async () => {
    return (await mesh.api('GET', '/v1/status')).body.registry.settled
  })
  await load.good(100)
  isWatching = false
  await watching
  assert.deepEqual([...new Set(seen)], [2], 'numbers of endpoints that callers had')
  await mesh.apply(DENY.replace('/closed', '/shut'))
  assert.equal((await batch.call('orders', '/closed')).status, 200)
  assert.equal((await batch.call('orders', '/shut')).status, 403)
  for (const workload of [web, batch, orders]) {
    assert.equal((await workload.metrics()).get('outrigger_config_stale_seconds'), 0)
  }
  await load.stop()
  assert.deepEqual(load.failures, [])
})
