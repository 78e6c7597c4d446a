import assert from 'node:assert/strict'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { Gate } from '../../support/gate.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { MeshLoad } from '../../support/mesh-load.ts'
import { rawExchange } from '../../support/raw-exchange.ts'

const TRAFFIC_POLICY = `apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], circuitBreaker: {maxParallelRequests: 5}}
`
const send = (mesh: TestMesh, text: string): Promise<string> =>
  rawExchange(mesh.workload('web').portFor('orders'), Buffer.from(text, 'latin1'), () => false)

test('what is legal but rare arrives as it was sent: repeated cookies, bytes beyond ASCII, empty values, encoded slashes', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        response.setHeader('set-cookie', ['a=1; Path=/', 'b=2'])
        response.end(JSON.stringify({ url: request.url, fields: request.rawHeaders }))
      },
    },
    callers: ['web'],
  })
  const text = await send(
    mesh,
    'GET /a%2Fb/%7Euser?x=%2f|"<>[]{}`&y=//.. HTTP/1.1\r\nhost: orders\r\ncookie: a=1; b=2\r\ncookie: c=3\r\nx-empty:\r\nx-blank:  \ta b\t \r\nx-bytes: \xe4\xff\r\nconnection: close, x-nominated, x-forwarded-client-cert\r\nx-nominated: 1\r\n\r\n',
  )
  assert.deepEqual(
    [...text.matchAll(/set-cookie: (.*)\r\n/g)].map((match) => match[1]),
    ['a=1; Path=/', 'b=2'],
  )
  const { url, fields } = JSON.parse(Buffer.from(text.slice(text.indexOf('{')), 'latin1').toString('utf8'))
  const valuesOf = (name: string): unknown[] => fields.filter((_: string, i: number) => fields[i - 1] === name && i % 2)
  assert.equal(url, '/a%2Fb/~user?x=%2f|"<>[]{}`&y=//..')
  assert.deepEqual(valuesOf('cookie'), ['a=1; b=2; c=3'])
  assert.deepEqual(valuesOf('x-empty'), [''])
  assert.deepEqual(valuesOf('x-blank'), ['a b'])
  assert.deepEqual(valuesOf('x-bytes'), ['\xe4\xff'])
  assert.deepEqual(valuesOf('x-nominated'), [], 'what Connection nominates ends here')
  assert.equal(valuesOf('x-forwarded-client-cert').length, 1, 'but the identity can not be nominated away')
})

test('an application does not speak for the mesh: its caller gets none of the mesh’s own fields from it', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: (_request, response) => {
        response.setHeader('x-outrigger-error', 'denied').setHeader('x-mesh-attempt', '7').setHeader('x-app', '1')
        response.writeHead(503).end()
      },
    },
    callers: ['web'],
  })
  const { status, headers } = await mesh.call('web', 'orders', '/')
  assert.deepEqual([status, headers['x-app']], [503, '1'])
  assert.deepEqual([headers['x-outrigger-error'], headers['x-mesh-attempt']], [undefined, undefined])
  const metrics = await mesh.workload('web').metrics()
  assert.equal(metrics.get('outrigger_retries_total{service="shop/orders"}'), 2, 'its 503 was repeated all the same')
})

test('a head over the limits is refused by itself: other requests on the same link go on', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        const [, count = 0, size = 0] = /^\/(\d+)x(\d+)$/.exec(request.url ?? '') ?? []
        for (let i = 0; i < Number(count); i++) response.setHeader(`x-${i}`, 'v'.repeat(Number(size)))
        response.end('ok')
      },
    },
    callers: ['web'],
  })
  await using load = MeshLoad.start(() => mesh.call('web', 'orders', '/'), 2)
  for (const [count, size, wanted] of [
    [100, 1, /^200$/],
    // what a caller may send arrives: there is room for the fields that the mesh adds
    [126, 1, /^200$/],
    [1, 15_000, /^200$/],
    [127, 1, /^431$/],
    [300, 1, /^431$/],
    [100, 620, /^431$/],
    [1, 70_000, /^431$/],
  ] as const) {
    const fields = Array.from({ length: count }, (_, i) => `x-${i}: ${'v'.repeat(size)}\r\n`).join('')
    const text = await send(mesh, `GET / HTTP/1.1\r\nhost: orders\r\nconnection: close\r\n${fields}\r\n`)
    assert.match(text.slice(9, 12), wanted, `a request of ${count} fields of ${size} octets`)
  }
  for (const [count, size, wanted] of [
    [100, 100, 200],
    [140, 1, 502],
    [1, 70_000, 502],
  ] as const) {
    const { status } = await mesh.call('web', 'orders', `/${count}x${size}`)
    assert.equal(status, wanted, `a response of ${count} fields of ${size} octets`)
  }
  await load.good(20)
  await load.stop()
  assert.deepEqual(load.failures, [])
  assert.equal(mesh.workload('orders').relay?.connectionCount, 1, 'it was one link all the time')
})

test('more requests at once than one link has streams are all served', async () => {
  const gate = new Gate()
  await using mesh = await startTestMesh({
    services: {
      orders: async (_request, response) => {
        await gate.pass()
        response.end('ok')
      },
    },
    callers: ['web'],
    manifests: TRAFFIC_POLICY.replace('maxParallelRequests: 5}', 'maxParallelRequests: 5000}, timeouts: {request: 0s}'),
  })
  const web = mesh.workload('web')
  web.agent.maxSockets = 2_000
  const statuses: Promise<number>[] = []
  // some at a time, so that a slow machine is not busy with all their connections at once
  while (statuses.length < 1_100) {
    for (let i = 0; i < 100; i++) statuses.push(mesh.call('web', 'orders', '/').then(({ status }) => status))
    await eventually(`${statuses.length} are under way`, async () => {
      return (await web.metrics()).get('outrigger_open_streams{direction="outbound"}') === statuses.length
    })
  }
  const { relay } = mesh.workload('orders')
  await eventually('there is a second link', () => (relay?.connectionCount ?? 0) >= 2)
  gate.open()
  assert.deepEqual([...new Set(await Promise.all(statuses))], [200])
  assert.equal(gate.enteredCount, 1_100)
})

test('requests past the limit of the circuit breaker are refused at once, and the others served', async () => {
  const gate = new Gate()
  await using mesh = await startTestMesh({
    services: {
      orders: async (_request, response) => {
        await gate.pass()
        response.end('ok')
      },
    },
    callers: ['web'],
    manifests: TRAFFIC_POLICY.replace('}}', '}, timeouts: {request: 0s}}'),
  })
  const call = async (): Promise<string> => {
    const { status, headers } = await mesh.call('web', 'orders', '/')
    return `${status} ${headers['x-outrigger-error'] ?? ''}`
  }
  const served = Array.from({ length: 5 }, call)
  await eventually('as many as may be are under way', () => gate.enteredCount === 5)
  const refused = await Promise.all(Array.from({ length: 7 }, call))
  assert.deepEqual(refused, Array(7).fill('503 circuit-open'))
  gate.open()
  assert.deepEqual(await Promise.all(served), Array(5).fill('200 '))
  assert.equal(await call(), '200 ', 'it closes again')
  assert.equal(gate.enteredCount, 6)
})

test('the listener that goes by Host knows every name of a service, and says which services there are', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web'] })
  const web = mesh.workload('web')
  for (const host of ['orders', 'orders.shop', 'ORDERS.shop.svc.cluster.local', 'orders.shop.svc.cluster.local:80']) {
    assert.equal((await web.callByHost(host, '/')).status, 200, host)
  }
  for (const host of ['nobody', 'orders:81', '127.0.0.1']) {
    const { status, headers, text } = await web.callByHost(host, '/')
    assert.deepEqual([status, headers['x-outrigger-error']], [404, 'no-route'], host)
    assert.match(text, /shop\/orders/)
  }
})

test('a service that was not named beforehand is asked for when a request names it, and one that comes later is found then', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web'] })
  const web = mesh.workload('web')
  assert.equal((await web.callByHost('late', '/')).status, 404, 'there is no such service yet')
  await mesh.apply(`apiVersion: v1
kind: Service
metadata: {name: late, namespace: shop}
spec: {ports: [{port: 80}]}
`)
  await mesh.addWorkload('late-0', 'late', { serves: ['late'] })
  await mesh.reaches('web', 'late', 1)
  assert.equal((await web.callByHost('late.shop', '/')).status, 200)
  const other = await mesh.addWorkload('other', 'other')
  await eventually('a sidecar that starts now is ready', () => other.isReady())
  const answers = await Promise.all(Array.from({ length: 20 }, () => other.callByHost('late', '/')))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]), 'those that come at once wait alike')
})
