import assert from 'node:assert/strict'
import test from 'ava'
import { eventually, startTestMesh } from '../../support/mesh.ts'

const trafficPolicy = (settings: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
${settings}
`

test('an application that hangs is given up after the timeout: 504', async () => {
  let cancelled = 0
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        response.on('close', () => {
          cancelled++
        })
      },
    },
    callers: ['web'],
    manifests: trafficPolicy('  timeouts: {request: 200ms}'),
  })
  const startMs = performance.now()
  const { status, headers, text } = await mesh.call('web', 'orders', '/')
  assert.deepEqual([status, headers['x-outrigger-error']], [504, 'timeout'])
  assert.match(text, /200 ms/)
  assert(performance.now() - startMs >= 199)
  while (cancelled === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(cancelled, 1, 'the application hears that nobody waits any more')
})

test('a try that takes too long is repeated, and a POST is not', async () => {
  let calls = 0
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        if (++calls > 1) response.end(`call ${calls}`)
      },
    },
    callers: ['web'],
    manifests: trafficPolicy('  timeouts: {request: 10s, perTry: 1s}'),
  })
  const { status, text } = await mesh.call('web', 'orders', '/')
  assert.deepEqual([status, text], [200, 'call 2'])
  calls = 0
  const post = await mesh.call('web', 'orders', '/', { body: 'order' })
  assert.deepEqual([post.status, post.headers['x-outrigger-error'], calls], [504, 'timeout', 1])
})

test('a timeout in the middle of a response breaks it off: it never looks complete', async () => {
  await using mesh = await startTestMesh({
    services: { orders: (_request, response) => void response.writeHead(200).write('the first half') },
    callers: ['web'],
    manifests: trafficPolicy('  timeouts: {request: 200ms}'),
  })
  await assert.rejects(mesh.call('web', 'orders', '/'), /broken off|aborted|ECONNRESET/)
})

test('a sidecar or an application that is not there: 503 connect-failure', async () => {
  await using mesh = await startTestMesh({ services: { orders: {}, inventory: {} }, callers: ['web'] })
  await mesh.workload('orders').relay?.[Symbol.asyncDispose]()
  await mesh.workload('inventory').app?.[Symbol.asyncDispose]()
  for (const service of ['orders', 'inventory']) {
    for (const options of [{}, { body: 'order' }]) {
      const { status, headers, text } = await mesh.call('web', service, '/', options)
      assert.deepEqual([status, headers['x-outrigger-error']], [503, 'connect-failure'], service)
      assert.match(text, /ECONNREFUSED/)
    }
  }
})

test('a caller that goes away is noticed on both sides, long before any timeout, and its work is given up', async () => {
  let cancelled = 0
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        response.on('close', () => {
          cancelled++
        })
      },
    },
    callers: ['web'],
    manifests: trafficPolicy('  timeouts: {request: 60s}'),
  })
  for (let i = 0; i < 3; i++) await assert.rejects(mesh.call('web', 'orders', '/', { timeoutMs: 50 }))
  await eventually('the application hears that nobody waits', () => cancelled === 3)
  const { services } = await mesh.workload('web').admin('/endpoints')
  assert.deepEqual([services[0].inFlight, services[0].endpoints[0].inFlight], [0, 0])
})
