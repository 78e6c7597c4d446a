import assert from 'node:assert/strict'
import { get, type IncomingMessage } from 'node:http'
import test from 'ava'
import { eventually, pause } from '../../support/eventually.ts'
import { LeapingClock } from '../../support/leaping-clock.ts'
import { startTestMesh } from '../../support/mesh.ts'

const trafficPolicy = (settings: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
${settings}
`

/** Long enough for a bound that is over to be noticed. */
const LOOKED_MS = 100

test('an application that hangs is given up after the timeout, and not before: 504', async () => {
  const clock = new LeapingClock()
  let begun = 0
  let cancelled = 0
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        begun++
        response.on('close', () => {
          cancelled++
        })
      },
    },
    callers: ['web'],
    clock,
    manifests: trafficPolicy('  timeouts: {request: 2m}'),
  })
  let isAnswered = false
  const answer = mesh.call('web', 'orders', '/').finally(() => {
    isAnswered = true
  })
  await eventually('the application has it', () => begun === 1)
  clock.leap(60_000)
  await pause(LOOKED_MS)
  assert.equal(isAnswered, false, 'half of the time is over')
  clock.leap(60_000)
  const { status, headers, text } = await answer
  assert.deepEqual([status, headers['x-outrigger-error']], [504, 'timeout'])
  assert.match(text, /120000 ms/)
  await eventually('the application hears that nobody waits any more', () => cancelled === 1)
})

test('a try that takes too long is repeated, and a POST is not', async () => {
  const clock = new LeapingClock()
  let calls = 0
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        if (++calls > 1) response.end(`call ${calls}`)
      },
    },
    callers: ['web'],
    clock,
    manifests: trafficPolicy('  timeouts: {request: 10m, perTry: 30s}'),
  })
  const repeated = mesh.call('web', 'orders', '/')
  await eventually('the first try is there', () => calls === 1)
  clock.leap(30_000)
  const { status, text } = await repeated
  assert.deepEqual([status, text], [200, 'call 2'])
  calls = 0
  const post = mesh.call('web', 'orders', '/', { body: 'order' })
  await eventually('the only try is there', () => calls === 1)
  clock.leap(30_000)
  const answer = await post
  assert.deepEqual([answer.status, answer.headers['x-outrigger-error'], calls], [504, 'timeout', 1])
})

test('a timeout in the middle of a response breaks it off: it never looks complete', async () => {
  const clock = new LeapingClock()
  await using mesh = await startTestMesh({
    services: { orders: (_request, response) => void response.writeHead(200).write('the first half') },
    callers: ['web'],
    clock,
    manifests: trafficPolicy('  timeouts: {request: 30s}'),
  })
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port: mesh.workload('web').portFor('orders') }, resolve).on('error', reject)
  })
  let heard = ''
  let ending: string | undefined
  response.on('data', (chunk: Buffer) => {
    heard += chunk
  })
  response.on('error', (error: NodeJS.ErrnoException) => {
    ending = error.code
  })
  response.on('end', () => {
    ending = 'complete'
  })
  await eventually('the first half is there', () => heard === 'the first half')
  clock.leap(30_000)
  await eventually('it is over', () => ending !== undefined)
  assert.equal(ending, 'ECONNRESET')
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
  let begun = 0
  let cancelled = 0
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        begun++
        response.on('close', () => {
          cancelled++
        })
      },
    },
    callers: ['web'],
    manifests: trafficPolicy('  timeouts: {request: 1h}'),
  })
  for (const count of [1, 2, 3]) {
    const leaving = new AbortController()
    const call = mesh.call('web', 'orders', '/', { signal: leaving.signal })
    await eventually('the application has it', () => begun === count)
    leaving.abort()
    await assert.rejects(call)
    await eventually('the application hears that nobody waits', () => cancelled === count)
  }
  const { services } = await mesh.workload('web').admin('/endpoints')
  assert.deepEqual([services[0].inFlight, services[0].endpoints[0].inFlight], [0, 0])
})
