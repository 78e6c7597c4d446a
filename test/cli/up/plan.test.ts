import assert from 'node:assert/strict'
import test from 'ava'
import { parseMeshFile } from '../../../cli/up/mesh-file.ts'
import { type Plan, planMesh, plannedEndpoints } from '../../../cli/up/plan.ts'
import { appProgram, controlPlaneProgram, programEnvironment, sidecarProgram } from '../../../cli/up/programs.ts'

const FILE = `
apiVersion: outrigger.dev/v1alpha1
kind: LocalMesh
metadata: { name: shop }
spec:
  namespace: shop
  workloads:
    - name: web
      command: [node, web.ts, --fast]
      replicas: 2
      serviceAccount: front
      env: { COLOUR: blue, PORT: "1" }
      labels: { tier: front }
      serves: [{ service: web }, { service: web-admin, port: 8080 }]
      upstreams: [{ service: stock-room, listen: 9101 }]
    - name: shopper
      upstreams: [{ service: web }]
`
const RUNTIME = {
  node: '/opt/node/bin/node',
  environment: { PATH: '/bin', OUTRIGGER_MESH: 'other', HOME: '/root', GONE: undefined },
}

async function plan(apiPort?: number): Promise<Plan> {
  const file = parseMeshFile(FILE, '/srv/mesh.yaml')
  assert(file.ok)
  let port = 20_000
  return planMesh(file.value, '/var/shop', async () => port++, apiPort)
}

function replicaOf({ replicas }: Plan, name: string): Plan['replicas'][number] {
  const found = replicas.find((one) => one.name === name)
  assert(found !== undefined, `no replica ${name}`)
  return found
}

/** The values of a flag, in order. */
const valuesOf = (args: readonly string[], name: string): string[] =>
  args.flatMap((arg, at) => (arg === name ? [args[at + 1] ?? ''] : []))

test('a workload with several replicas numbers them, one with a single replica keeps its name', async () => {
  assert.deepEqual(
    (await plan()).replicas.map(({ name }) => name),
    ['web-1', 'web-2', 'shopper'],
  )
})

test('no port is planned twice', async () => {
  const { replicas, apiPort, pushPort } = await plan()
  const ports = replicas.flatMap((one) => [
    one.appPort,
    one.meshPort,
    one.adminPort,
    one.probePort,
    ...one.upstreamPorts.values(),
  ])
  const all = [...ports, apiPort, pushPort]
  assert.equal(new Set(all).size, all.length)
})

test('a fixed listener is the first replica’s; the second takes a free port', async () => {
  const planned = await plan()
  assert.equal(replicaOf(planned, 'web-1').upstreamPorts.get('stock-room'), 9101)
  assert.notEqual(replicaOf(planned, 'web-2').upstreamPorts.get('stock-room'), 9101)
})

test('the API listens on the wanted port', async () => {
  assert.equal((await plan(15_011)).apiPort, 15_011)
})

test('plannedEndpoints counts replicas, and none for services of others', async () => {
  const planned = await plan()
  assert.deepEqual([plannedEndpoints(planned, 'web'), plannedEndpoints(planned, 'stock-room')], [2, 0])
})

test('a program is told its port, whatever its own env says, and whom it calls where', async () => {
  const web = replicaOf(await plan(), 'web-1')
  assert.deepEqual(programEnvironment(web), {
    COLOUR: 'blue',
    PORT: String(web.appPort),
    REPLICA: '1',
    STOCK_ROOM_URL: 'http://127.0.0.1:9101',
  })
})

test('a program runs on the pinned node, in the folder of its file, without our own settings', async () => {
  const planned = await plan()
  const program = appProgram(planned, replicaOf(planned, 'web-1'), RUNTIME)
  assert.equal(program?.command, '/opt/node/bin/node')
  assert.deepEqual(program?.args, ['web.ts', '--fast'])
  assert.equal(program?.directory, '/srv')
  assert.equal(program?.env['PATH'], '/opt/node/bin:/bin')
  assert.equal(program?.env['HOME'], '/root')
  assert(!Object.keys(program?.env ?? {}).some((name) => name.startsWith('OUTRIGGER_') || name === 'GONE'))
})

test('a workload without a command has no program', async () => {
  const planned = await plan()
  assert.equal(appProgram(planned, replicaOf(planned, 'shopper'), RUNTIME), undefined)
})

test('a sidecar is told who it is, what it serves and what it calls', async () => {
  const planned = await plan()
  const web = replicaOf(planned, 'web-1')
  const { args } = sidecarProgram(planned, web, RUNTIME)
  assert.deepEqual(valuesOf(args, '--workload'), ['shop/web-1'])
  assert.deepEqual(valuesOf(args, '--service-account'), ['front'])
  assert.deepEqual(valuesOf(args, '--serve'), [`web:80=${web.appPort}`, `web-admin:8080=${web.appPort}`])
  assert.deepEqual(valuesOf(args, '--upstream'), ['stock-room=127.0.0.1:9101'])
  assert.deepEqual(valuesOf(args, '--inbound'), [`127.0.0.1:${web.meshPort}`])
  assert.deepEqual(valuesOf(args, '--label'), ['tier=front'])
})

test('a service account is called as the first service, or as the workload where it serves none, unless the file says it', async () => {
  const mesh = parseMeshFile(
    `apiVersion: outrigger.dev/v1alpha1
kind: LocalMesh
metadata: { name: shop }
spec:
  workloads:
    - { name: a, command: [x], serves: [{ service: orders }, { service: web }] }
    - { name: b }
    - { name: c, command: [x], serves: [{ service: orders }], serviceAccount: d }
`,
    '/srv/mesh.yaml',
  )
  assert(mesh.ok)
  let port = 20_000
  const { replicas } = await planMesh(mesh.value, '/var/shop', async () => port++)
  assert.deepEqual(
    replicas.map(({ serviceAccount }) => serviceAccount),
    ['orders', 'b', 'd'],
  )
})

test('a sidecar that serves nothing has no mesh port', async () => {
  const planned = await plan()
  const { args } = sidecarProgram(planned, replicaOf(planned, 'shopper'), RUNTIME)
  assert.deepEqual(valuesOf(args, '--inbound'), [])
})

test('the control plane keeps its registry with the mesh, unless another is named', async () => {
  const planned = await plan()
  const registryOf = (registryUrl?: string): string[] =>
    valuesOf(controlPlaneProgram(planned, registryUrl === undefined ? {} : { registryUrl }, RUNTIME).args, '--registry')
  assert.deepEqual(registryOf(), ['embedded:/var/shop/control-plane/registry.db'])
  assert.deepEqual(registryOf('consul://127.0.0.1:8500'), ['consul://127.0.0.1:8500'])
})

test('lifetimes of days reach the control plane as a duration that it reads', async () => {
  const { args } = controlPlaneProgram(await plan(), { leafLifetimeMs: 90_061_500 }, RUNTIME)
  assert.deepEqual(valuesOf(args, '--leaf-lifetime'), ['25h1m1s500ms'])
})
