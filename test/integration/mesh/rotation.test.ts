import assert from 'node:assert/strict'
import test from 'ava'
import { LEAST_LEAF_LIFETIME_MS } from '../../../control-plane/authority/sign-leaf.ts'
import { eventually, pause } from '../../support/eventually.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { MeshLoad } from '../../support/mesh-load.ts'

const RENEWALS = 3
/** Longer than a certificate lives. */
const LONG_MS = LEAST_LEAF_LIFETIME_MS + 2_000

test('certificates are renewed three times under load: no request fails, nor a response that outlives a certificate', async (t) => {
  t.timeout(180_000)
  await using mesh = await startTestMesh({
    services: {
      orders: async (request, response) => {
        if (request.url === '/long') {
          response.writeHead(200)
          for (let ms = 0; ms < LONG_MS; ms += 500) {
            response.write('piece ')
            await pause(500)
          }
        }
        response.end('done')
      },
    },
    callers: ['web'],
    leafLifetimeMs: LEAST_LEAF_LIFETIME_MS,
    manifests: `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], timeouts: {request: 0s}}
`,
  })
  const workloads = [mesh.workload('web'), mesh.workload('orders')]
  await using load = MeshLoad.start(() => mesh.call('web', 'orders', '/'), 4, 10)
  await using long = MeshLoad.start(() => mesh.call('web', 'orders', '/long', { timeoutMs: 120_000 }), 1)
  const leastRenewals = async (): Promise<number> => {
    const shown = await Promise.all(workloads.map((workload) => workload.admin('/certs')))
    return Math.min(...shown.map(({ rotation }) => rotation.renewalCount))
  }
  // the first one is the issue, the others are renewals: each comes when two thirds of a life are over
  for (let renewals = 1; renewals <= RENEWALS; renewals++) {
    await eventually(`renewal ${renewals}`, async () => (await leastRenewals()) > renewals)
  }
  await load.good(20)
  await Promise.all([load.stop(), long.stop()])
  assert.deepEqual([...load.failures, ...long.failures], [])
  assert(long.goodCount >= 1)
  for (const workload of workloads) {
    const metrics = await workload.metrics()
    assert((metrics.get('outrigger_certificate_renewals_total{outcome="success"}') ?? 0) > RENEWALS)
    assert.equal(metrics.get('outrigger_certificate_renewals_total{outcome="failure"}'), 0)
  }
})
