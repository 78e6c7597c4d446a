import assert from 'node:assert/strict'
import test from 'ava'
import { parse } from 'yaml'
import { call, eventually, joinToken, registration, TestSidecar } from '../../integration/control-plane/fixture.ts'
import { CliMesh } from './cli-mesh.ts'
import { documents, routeText, serviceText } from './manifests.ts'

const GUARDED = `apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: { name: guarded, namespace: shop }
spec:
  targetRefs: [{ group: "", kind: Service, name: orders }]
  action: DENY
  rules: [{ http: { paths: [{ type: PathPrefix, value: /admin }] } }]
`

/** A mesh in which `web` and two workloads of `orders` are connected. */
class ConnectedMesh implements AsyncDisposable {
  readonly cli: CliMesh
  readonly #sidecars: readonly TestSidecar[]

  private constructor(cli: CliMesh, sidecars: readonly TestSidecar[]) {
    this.cli = cli
    this.#sidecars = sidecars
  }

  static async start(): Promise<ConnectedMesh> {
    const cli = await CliMesh.start()
    const { plane } = cli
    const text = documents(serviceText('orders'), routeText('orders'), serviceText('stock'), GUARDED)
    assert.equal((await call(plane, 'PUT', '/v1/manifests', text)).status, 200)
    const common = { port: plane.ports.push, bundleFile: plane.bundleFile, token: await joinToken(plane) }
    const sidecars = [await TestSidecar.start({ ...common, workload: 'shop/web' })]
    for (const [name, port] of [
      ['orders-1', 15_008],
      ['orders-2', 15_009],
    ] as const) {
      const serves = [registration('shop/orders', port)]
      sidecars.push(await TestSidecar.start({ ...common, workload: `shop/${name}`, serviceAccount: 'orders', serves }))
    }
    await Promise.all(sidecars.map(({ watch }) => watch.waitReady()))
    await eventually('both endpoints are known', async () => {
      const { services, workloads } = (await call(plane, 'GET', '/v1/status')).body
      const orders = services.find(({ name }: { name: string }) => name === 'shop/orders')
      return orders.endpoints.length === 2 && workloads.every(({ ready }: { ready: boolean }) => ready)
    })
    return new ConnectedMesh(cli, sidecars)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sidecar of this.#sidecars) await sidecar[Symbol.asyncDispose]()
    await this.cli[Symbol.asyncDispose]()
  }
}

test.serial('get services, endpoints and workloads shows the mesh as it is', async () => {
  await using mesh = await ConnectedMesh.start()
  assert.deepEqual(await mesh.cli.lines('get', 'services'), [
    'SERVICE       PORTS   ENDPOINTS',
    'shop/orders   80      2',
    'shop/stock    80      0',
  ])
  const [headings, ...rows] = await mesh.cli.lines('get', 'endpoints')
  assert.match(headings ?? '', /^SERVICE +ENDPOINT +ADDRESS$/)
  assert.deepEqual(
    rows.map((row) => row.split(/ {3,}/)).map(([service, , address]) => [service, address]),
    [
      ['shop/orders', '127.0.0.1:15008'],
      ['shop/orders', '127.0.0.1:15009'],
    ],
  )
  assert.deepEqual((await mesh.cli.lines('get', 'workloads')).map((row) => row.replaceAll(/ {2,}/g, ' | ')).sort(), [
    'WORKLOAD | IDENTITY | READY | SERVES',
    'shop/orders-1 | spiffe://mesh.test/ns/shop/sa/orders | yes | shop/orders:80',
    'shop/orders-2 | spiffe://mesh.test/ns/shop/sa/orders | yes | shop/orders:80',
    'shop/web | spiffe://mesh.test/ns/shop/sa/web | yes | -',
  ])
})

test.serial('get services, endpoints and workloads can be of one namespace, and of one name', async () => {
  await using mesh = await ConnectedMesh.start()
  const { cli } = mesh
  const names = async (...args: string[]): Promise<readonly string[]> =>
    (await cli.lines('get', ...args)).slice(1).map((row) => row.split(' ')[0] ?? '')
  assert.deepEqual(await names('services', 'stock'), ['shop/stock'])
  assert.deepEqual(await names('workloads', 'shop/web'), ['shop/web'])
  assert.deepEqual(await names('endpoints', 'orders', '-n', 'shop'), ['shop/orders', 'shop/orders'])
  assert.deepEqual(await names('services', '-n', 'sho'), [])
  const { code, stderr } = await cli.run(['get', 'workloads', 'nobody'])
  assert.deepEqual([code, stderr], [1, 'outrigger: there is no workloads called nobody\n'])
})

test.serial('get services and endpoints print the same as JSON or YAML, for a program', async () => {
  await using mesh = await ConnectedMesh.start()
  const services = JSON.parse((await mesh.cli.lines('get', 'services', '-o', 'json')).join('\n'))
  assert.deepEqual(
    services.map((one: { name: string; endpoints: unknown[] }) => [one.name, one.endpoints.length]),
    [
      ['shop/orders', 2],
      ['shop/stock', 0],
    ],
  )
  const endpoints = parse((await mesh.cli.lines('get', 'endpoints', '-o', 'yaml')).join('\n'))
  assert.deepEqual(
    endpoints.map((one: { service: string; port: number }) => [one.service, one.port]),
    [
      ['shop/orders', 15_008],
      ['shop/orders', 15_009],
    ],
  )
})

test.serial('explain says where a call goes, for a caller named as a person names it', async () => {
  await using mesh = await ConnectedMesh.start()
  const { cli } = mesh
  const open = await cli.lines('explain', 'GET', 'http://orders.shop/items', '--from', 'web')
  assert.match(open[0] ?? '', /^✔ GET http:\/\/orders\.shop\/items goes to shop\/orders:80 at .+ and is let in$/)
  assert.equal(open[2], 'leaving shop/web')
  assert(open.some((line) => /^arriving at shop\/orders-[12]$/.test(line)))
  assert.equal(open.at(-1), "  ⇒ deliver to the application's port 8080")
  const closed = await cli.lines('explain', 'GET', 'orders.shop/admin', '--from', 'shop/web')
  assert.match(closed[0] ?? '', /^✘ .+ is refused there: denied \(AuthorizationPolicy shop\/guarded rule 0\)/)
})

test.serial('explain --seed rolls the dice: the same seed says the same, and some other seed another', async () => {
  await using mesh = await ConnectedMesh.start()
  const goes = async (...more: string[]): Promise<string> =>
    (await mesh.cli.lines('explain', 'GET', 'http://orders.shop/', '--from', 'web', ...more))[0] ?? ''
  const first = await goes()
  assert.equal(await goes(), first)
  assert.equal(await goes('--seed', '1'), await goes('--seed', '1'))
  const others = await Promise.all(['2', '3', '5', '8'].map((seed) => goes('--seed', seed)))
  assert(others.some((line) => line !== first))
})

test.serial('explain --json is the decision with its steps', async () => {
  await using mesh = await ConnectedMesh.start()
  const text = await mesh.cli.lines('explain', 'POST', 'orders.shop/x', '-H', 'x-a: 1, 2', '--from', 'web', '--json')
  const { request, outbound, inbound } = JSON.parse(text.join('\n'))
  assert.deepEqual(request.fields, ['x-a', '1, 2'])
  assert.equal(outbound.decision.kind, 'forward')
  assert.equal(outbound.steps[0].step, 'service-found')
  assert.equal(inbound.decision.kind, 'deliver')
})

test.serial('explain refuses a caller that is not connected, and names those that are', async () => {
  await using mesh = await ConnectedMesh.start()
  const { code, stdout, stderr } = await mesh.cli.run(['explain', 'GET', 'http://orders/', '--from', 'nobody'])
  assert.deepEqual([code, stdout], [1, ''])
  assert.equal(
    stderr,
    'outrigger: --from nobody: no such workload is connected; known: shop/orders-1, shop/orders-2, shop/web\n',
  )
})

test.serial('explain refuses a seed that is no number', async () => {
  await using mesh = await ConnectedMesh.start()
  const args = ['explain', 'GET', 'http://orders.shop/', '--from', 'web', '--seed', 'abc']
  assert.equal((await mesh.cli.run(args)).code, 64)
})
