import assert from 'node:assert/strict'
import { stat } from 'node:fs/promises'
import { createServer as createHttpServer, request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import type { ControlPlane } from '../../../control-plane/control-plane.ts'
import {
  call,
  controlPlane,
  eventually,
  joinToken,
  optionsIn,
  registration,
  start,
  TestSidecar,
  temporaryFolder,
} from './fixture.ts'

const service = (name: string): string => `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop}
spec: {ports: [{port: 80}]}
`
const route = (backend: string): string => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: orders, port: 80}]
  rules: [{backendRefs: [{name: ${backend}, port: 80}]}]
`

test('manifests are applied, listed, changed and deleted', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const changes = async (method: string, body: string): Promise<string[]> =>
    (await call(plane, method, '/v1/manifests', body)).body.results.map(({ change }: { change: string }) => change)
  const both = `${service('orders')}---\n${route('orders')}`
  assert.deepEqual(await changes('PUT', both), ['created', 'created'])
  assert.deepEqual(await changes('PUT', both), ['unchanged', 'unchanged'])
  assert.deepEqual(await changes('PUT', `${service('orders')}---\n${service('stock')}---\n${route('stock')}`), [
    'unchanged',
    'created',
    'configured',
  ])
  const listed = await call(plane, 'GET', '/v1/manifests?kind=HTTPRoute')
  assert.equal(listed.body.items.length, 1)
  assert.equal(listed.body.items[0].metadata.generation, 2)
  assert.deepEqual(await changes('DELETE', route('stock')), ['deleted'])
  assert.equal((await call(plane, 'GET', '/v1/manifests/HTTPRoute/shop/orders')).status, 404)
})

test('one bad document among good ones: nothing is applied, and file, line and field are named', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['a route to nowhere', route('nowhere'), /nowhere/],
    ['an unknown field', service('x').replace('spec:', 'spek: 1\nspec:'), /spek/],
    ['an unknown kind', service('x').replace('Service', 'Servise'), /Servise/],
    ['a negative weight', route('orders').replace('port: 80}]}]', 'port: 80, weight: -1}]}]'), /weight/],
    ['a syntax error', 'apiVersion: [', /YAML/],
    ['one name twice', `${service('orders')}`, /already/],
  ]
  for (const [what, bad, message] of cases) {
    const answer = await call(plane, 'PUT', '/v1/manifests?file=mesh.yaml', `${service('orders')}---\n${bad}`)
    assert.equal(answer.status, 422, what)
    assert.match(JSON.stringify(answer.body.error), message, what)
    assert.match(answer.body.error.where, /^mesh\.yaml:\d+/, what)
    assert.equal(
      (await call(plane, 'POST', '/v1/validate?file=mesh.yaml', `${service('orders')}---\n${bad}`)).status,
      422,
    )
  }
  assert.deepEqual((await call(plane, 'GET', '/v1/manifests')).body.items, [])
})

test('more manifests than one transaction holds are applied as a whole, and two appliers never mix', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const names = Array.from({ length: 150 }, (_, i) => `service-${i}`)
  const [many, few] = await Promise.all([
    call(plane, 'PUT', '/v1/manifests', names.map(service).join('---\n')),
    call(plane, 'PUT', '/v1/manifests', service('one-more')),
  ])
  assert.equal(many.status, 200, JSON.stringify(many.body).slice(0, 300))
  assert.equal(few.status, 200)
  const { body } = await call(plane, 'GET', '/v1/manifests')
  assert.equal(body.items.length, 151)
  await eventually(
    'the world has all',
    async () => (await call(plane, 'GET', '/v1/status')).body.services.length === 151,
  )
})

test('status, resources and explain say what a workload is told and what its callees let in', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  await call(plane, 'PUT', '/v1/manifests', service('orders'))
  const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
  const serves = [registration('shop/orders', 15008)]
  await using orders = await TestSidecar.start({
    ...common,
    workload: 'shop/orders-1',
    serviceAccount: 'orders',
    serves,
  })
  await using web = await TestSidecar.start({ ...common, workload: 'shop/web' })
  await Promise.all([web.watch.want('Endpoints', 'shop/orders'), orders.watch.waitReady()])
  await eventually(
    'the endpoint is there',
    () => web.store.current.endpoints.get('shop/orders')?.endpoints.length === 1,
  )
  const told = await call(plane, 'GET', '/v1/workloads/shop/web/resources')
  assert.deepEqual(told.body.resources.map(({ resource }: { resource: { kind: string } }) => resource.kind).sort(), [
    'Authorization',
    'Endpoints',
    'Telemetry',
    'Trust',
    'Workload',
  ])
  const explained = await call(plane, 'POST', '/v1/explain', '{"from":"shop/web","services":["shop/orders"]}')
  assert.deepEqual(
    explained.body.callees.map(({ workload }: { workload: string }) => workload),
    ['shop/orders-1'],
  )
  await eventually('all is acknowledged', async () => {
    const { body } = await call(plane, 'GET', '/v1/status')
    const { resources } = body.workloads.find(({ name }: { name: string }) => name === 'shop/web')
    return resources.every(({ acked, current }: { acked: string; current: string }) => acked === current)
  })
  const unknown = await call(plane, 'POST', '/v1/explain', '{"from":"shop/nobody"}')
  assert.equal(unknown.status, 404)
  assert.match(unknown.body.error.allowed, /shop\/orders-1, shop\/web/)
})

test('the files that are left behind are as private as they must be', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  assert.equal((await stat(join(folder.path, 'seal.key'))).mode & 0o777, 0o600)
  assert.equal((await stat(plane.bundleFile)).mode & 0o777, 0o644)
})

/** A request with headers that `fetch` would not send. */
const raw = (plane: ControlPlane, headers: Record<string, string>): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const options = { port: plane.ports.api, host: '127.0.0.1', path: '/v1/status', headers }
    const sent = request(options, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    sent.on('error', reject)
    sent.end()
  })

test('foreign pages, rebound names and strangers without the admin token are refused', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path, { adminToken: 'secret', apiHostNames: ['mesh.example'] })
  const authorization = 'Bearer secret'
  assert.equal(await raw(plane, { authorization }), 200)
  assert.equal(await raw(plane, { authorization, host: 'mesh.example:15011' }), 200)
  assert.equal(await raw(plane, {}), 401)
  assert.equal(await raw(plane, { authorization: 'Bearer wrong' }), 401)
  assert.equal(await raw(plane, { authorization, host: 'evil.example' }), 421)
  assert.equal(await raw(plane, { authorization, origin: 'http://evil.example' }), 403)
})

test('wrong paths, methods and bodies are answered with what would be right', async () => {
  await using folder = await temporaryFolder()
  await using plane = await controlPlane(folder.path)
  const cases: readonly (readonly [string, string, string | undefined, number, RegExp])[] = [
    ['GET', '/v1/nothing', undefined, 404, /\/v1\/status/],
    ['POST', '/v1/status', undefined, 405, /GET/],
    ['GET', '/v1/manifests/Pod/shop/x', undefined, 404, /HTTPRoute/],
    ['GET', '/v1/manifests/Service/shop%2Fx/y', undefined, 404, /there is nothing here/],
    ['DELETE', '/v1/manifests/Service/staged%2Fx/y', undefined, 404, /there is nothing here/],
    ['GET', '/v1/workloads/a%00/b/resources', undefined, 404, /there is nothing here/],
    ['GET', '/v1/workloads/a/%252e%252e%252f/resources', undefined, 404, /there is nothing here/],
    ['DELETE', '/v1/tokens/..%2f..%2fauthority%2fstate', undefined, 404, /there is nothing here/],
    ['DELETE', '/v1/tokens/authority', undefined, 404, /no join token/],
    ['DELETE', '/v1/tokens/0123456789abcdef', undefined, 404, /no join token/],
    ['POST', '/v1/tokens', '{"namespaces":[]}', 400, /serviceAccounts/],
    ['POST', '/v1/tokens', '{"namespaces":["Sh op"],"serviceAccounts":["web"]}', 422, /join token/],
    ['PUT', '/v1/manifests', '{"files":1}', 400, /files/],
    ['PUT', '/v1/manifests', `x: "${'y'.repeat(600_000)}"`, 422, /too large/],
  ]
  for (const [method, path, body, status, allowed] of cases) {
    const answer = await call(plane, method, path, body)
    assert.equal(answer.status, status, `${method} ${path}`)
    assert.match(JSON.stringify(answer.body.error), allowed, `${method} ${path}`)
  }
})

test('what is in the way of a start is said in a sentence, by kind', async () => {
  await using folder = await temporaryFolder()
  await using taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  const { port } = taken.address() as { port: number }
  const cases = [
    [{ push: { host: '127.0.0.1', port } }, 'environment', /port is in use/],
    [{ api: { host: '127.0.0.1', port } }, 'environment', /port is in use/],
    [{ api: { host: '0.0.0.0', port: 0 } }, 'usage', /admin token/],
    [{ registryUrl: 'redis://x' }, 'usage', /"redis:\/\/x"/],
    [{ registryUrl: 'consul://127.0.0.1:1' }, 'unavailable', /127\.0\.0\.1:1/],
    [{ jaegerUrl: 'nonsense' }, 'usage', /nonsense/],
    [{ sealKeyFile: folder.path }, 'input', /seal key/],
    [{ leafLifetimeMs: 1 }, 'usage', /at least/],
  ] as const
  for (const [more, kind, sentence] of cases) {
    const started = await start(optionsIn(folder.path, more))
    assert.ok(!started.ok)
    assert.match(started.error.sentence, sentence)
    assert.equal(started.error.kind, kind, started.error.sentence)
  }
})

test("Jaeger's UI is served under the same origin", async () => {
  await using folder = await temporaryFolder()
  await using jaeger = createHttpServer((incoming, response) => response.end(`jaeger ${incoming.url}`))
  await new Promise<void>((resolve) => jaeger.listen(0, '127.0.0.1', resolve))
  const { port } = jaeger.address() as { port: number }
  await using plane = await controlPlane(folder.path, { jaegerUrl: `http://127.0.0.1:${port}/jaeger` })
  const answer = await fetch(`http://127.0.0.1:${plane.ports.api}/jaeger/api/services`)
  assert.equal(await answer.text(), 'jaeger /jaeger/api/services')
  assert.equal((await call(plane, 'GET', '/v1/trust')).body.name, 'mesh.test')
})
