import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import type { Clock } from '../../../sidecar/core/clock.ts'
import { eventually, pause } from '../../support/eventually.ts'
import { LeapingClock } from '../../support/leaping-clock.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import type { RawHandler } from '../../support/mesh-app.ts'

const TCP = `apiVersion: v1
kind: Service
metadata: {name: bank, namespace: shop}
spec: {ports: [{name: tcp, port: 80, appProtocol: tcp}]}
`

async function tcpMesh(
  raw: RawHandler,
  { replicas = 1, ...options }: { readonly replicas?: number; readonly clock?: Clock } = {},
): Promise<TestMesh> {
  const mesh = await startTestMesh({ services: { bank: { raw, replicas } }, callers: ['web'], ...options })
  await mesh.apply(TCP)
  return mesh
}

async function dial(mesh: TestMesh): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: mesh.workload('web').portFor('bank'), allowHalfOpen: true })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Nothing stays behind at either side. */
const settled = (mesh: TestMesh): Promise<void> =>
  eventually('no stream is open', async () => {
    const counts = await Promise.all(
      [...mesh.workloads.values()].map(async (workload) => {
        const metrics = await workload.metrics()
        return ['outbound', 'inbound'].map((direction) =>
          metrics.get(`outrigger_open_streams{direction="${direction}"}`),
        )
      }),
    )
    return counts.flat().every((count) => count === 0)
  })

/** All that a socket says, until it ends; the other direction stays open. */
function heardFrom(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk))
  return new Promise((resolve) => {
    socket.once('end', () => resolve(Buffer.concat(chunks)))
    socket.once('close', () => resolve(Buffer.concat(chunks)))
  })
}

const noise = (bytes: number, seed: number): Buffer => {
  const octets = Buffer.alloc(bytes)
  for (let i = 0, state = seed; i < bytes; i++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    octets[i] = state >>> 16
  }
  return octets
}
const digest = (octets: Buffer): string => createHash('sha256').update(octets).digest('hex')

test('a callee that speaks first is heard at once, and each direction ends by itself', async () => {
  await using mesh = await tcpMesh((socket) => {
    socket.allowHalfOpen = true
    socket.write('220 ready\r\n')
    void heardFrom(socket).then((said) => socket.end(`you said ${said.toString()}`))
  })
  const socket = await dial(mesh)
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  assert.equal(greeting.toString(), '220 ready\r\n')
  const tunnels = 'outrigger_open_connections{direction="inbound",kind="upstream"}'
  assert.equal((await mesh.workload('bank').metrics()).get(tunnels), 1)
  socket.end('all of this')
  assert.equal((await heardFrom(socket)).toString(), 'you said all of this')
  await settled(mesh)
  await eventually('the tunnel is closed', async () => (await mesh.workload('bank').metrics()).get(tunnels) === 0)
})

test('a callee that ends its side first still hears what the caller has to say', async () => {
  const heard = Promise.withResolvers<string>()
  await using mesh = await tcpMesh((socket) => {
    socket.allowHalfOpen = true
    socket.end('that is all from me')
    void heardFrom(socket).then((said) => heard.resolve(said.toString()))
  })
  const socket = await dial(mesh)
  assert.equal((await heardFrom(socket)).toString(), 'that is all from me')
  socket.write('but not ')
  await pause(50)
  socket.end('from me')
  assert.equal(await heard.promise, 'but not from me')
  await settled(mesh)
})

test('20 MB go each way at once, and arrive as they were sent', async () => {
  const bytes = 20 * 1024 * 1024
  const [up, down] = [noise(bytes, 1), noise(bytes, 2)]
  const received = Promise.withResolvers<Buffer>()
  await using mesh = await tcpMesh((socket) => {
    socket.allowHalfOpen = true
    void heardFrom(socket).then(received.resolve)
    socket.end(down)
  })
  const socket = await dial(mesh)
  socket.end(up)
  assert.equal(digest(await heardFrom(socket)), digest(down))
  assert.equal(digest(await received.promise), digest(up))
  await settled(mesh)
})

test('a tunnel outlives the timeouts of requests, and a reset at one side reaches the other', async () => {
  const clock = new LeapingClock()
  const reset = Promise.withResolvers<void>()
  const echo: RawHandler = (socket) => {
    socket.on('data', (chunk) => void socket.write(chunk))
    socket.on('close', () => reset.resolve())
  }
  await using mesh = await tcpMesh(echo, { clock })
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: bank, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: bank}], timeouts: {request: 40s, streamIdle: 40s}}
`)
  const socket = await dial(mesh)
  for (const word of ['one', 'two', 'three']) {
    socket.write(word)
    assert.equal(String((await once(socket, 'data'))[0]), word)
    clock.leap(50_000)
    await pause(100) // a timer that was set would be noticed
    assert(!socket.destroyed, 'it is open still')
  }
  socket.resetAndDestroy()
  await reset.promise
  await settled(mesh)
})

test('who may not connect is reset before the application hears of it', async () => {
  let connections = 0
  await using mesh = await tcpMesh((socket) => {
    connections++
    socket.end('money')
  })
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: bank}]
  action: ALLOW
  rules: [{sources: [{type: ServiceAccount, serviceAccount: {name: teller}}]}]
`)
  const refused = await dial(mesh)
  const [error] = (await once(refused, 'error').catch((thrown: unknown) => [thrown])) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNRESET')
  assert.equal(connections, 0)
  const metrics = await mesh.workload('bank').metrics()
  assert.equal(metrics.get('outrigger_errors_total{direction="inbound",flag="DN",code="denied"}'), 1)
  await settled(mesh)
})

test('an instance whose application is away is passed over: the connection goes to another', async () => {
  await using mesh = await tcpMesh((socket) => socket.end('here'), { replicas: 2 })
  // in turn: a balancer that goes by cost may avoid it, or, where a handshake took long, prefer it until the budget is used up
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: bank, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: bank}], loadBalancer: {type: RoundRobin}, retryBudget: {percent: 100}}
`)
  const { app, relay } = mesh.workload('bank-0')
  await app?.[Symbol.asyncDispose]()
  for (let i = 0; i < 10; i++) {
    const socket = await dial(mesh)
    assert.equal((await heardFrom(socket)).toString(), 'here')
    socket.end()
  }
  assert((relay?.connectionCount ?? 0) > 0, 'it was tried')
  await settled(mesh)
})

test('HTTP for a port that speaks TCP is refused, not handed over as octets', async () => {
  let connections = 0
  await using mesh = await tcpMesh(() => {
    connections++
  })
  const { status, text } = await mesh.workload('web').callByHost('bank', '/')
  assert.deepEqual([status, connections], [404, 0])
  assert.match(text, /speaks TCP/)
})
