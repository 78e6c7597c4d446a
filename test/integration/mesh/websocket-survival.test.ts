import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { LEAST_LEAF_LIFETIME_MS } from '../../../control-plane/authority/sign-leaf.ts'
import { eventually, pause } from '../../support/eventually.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { UPGRADE } from '../../support/websocket-upgrade.ts'

/** Switches, and sends back all that it hears from then on. */
const echo = (socket: Socket): void => {
  socket.once('data', () => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n')
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
  })
}

/** An upgraded connection of `web`, from the application's side. */
class WebSocketSession {
  readonly #socket: Socket
  #heard = ''
  #sent = 0
  isClosed = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#heard += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.isClosed = true
    })
  }

  static async open(mesh: TestMesh): Promise<WebSocketSession> {
    const socket = connect(mesh.workload('web').portFor('orders'), '127.0.0.1')
    await once(socket, 'connect')
    const session = new WebSocketSession(socket)
    socket.write(UPGRADE)
    await eventually('it is switched', () => session.#heard.startsWith('HTTP/1.1 101 '))
    await session.echoes()
    return session
  }

  /** Resolves when something new went there and came back. */
  async echoes(): Promise<void> {
    const word = `word ${++this.#sent};`
    this.#socket.write(word)
    await eventually(`${word} comes back`, () => this.#heard.endsWith(word))
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}

test('an open WebSocket outlives timeouts, pushes of policy, and the certificates that it was opened with', async (t) => {
  t.timeout(180_000)
  await using mesh = await startTestMesh({
    services: { orders: { raw: echo } },
    callers: ['web'],
    leafLifetimeMs: LEAST_LEAF_LIFETIME_MS,
  })
  using session = await WebSocketSession.open(mesh)
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], timeouts: {request: 300ms, response: 200ms, perTry: 100ms, streamIdle: 300ms}}
`)
  await pause(600)
  await session.echoes()
  using under = await WebSocketSession.open(mesh)
  await pause(600)
  await under.echoes()
  // Longer than a certificate lives: both sides have renewed theirs, and the links of old ones are drained.
  for (const name of ['web', 'orders']) {
    await eventually(`${name} has renewed twice`, async () => {
      const { rotation } = await mesh.workload(name).admin('/certs')
      return rotation.renewalCount > 2
    })
  }
  await session.echoes()
  await under.echoes()
  assert.deepEqual([session.isClosed, under.isClosed], [false, false])
})

test('a drain waits for open WebSockets, up to its limit', async () => {
  await using mesh = await startTestMesh({ services: { orders: { raw: echo, replicas: 2 } }, callers: ['web'] })
  using first = await WebSocketSession.open(mesh)
  using second = await WebSocketSession.open(mesh)
  const drained = [0, 1].map((at) => mesh.workload(`orders-${at}`).drain(0, 2_000))
  await pause(500)
  await Promise.all([first.echoes(), second.echoes()])
  await Promise.all(drained)
  await eventually('both are cut', () => first.isClosed && second.isClosed)
})

test('a drain ends as soon as the last WebSocket has ended by itself', async () => {
  await using mesh = await startTestMesh({ services: { orders: { raw: echo } }, callers: ['web'] })
  const session = await WebSocketSession.open(mesh)
  const drained = mesh.workload('orders').drain(0, 600_000)
  await session.echoes()
  session[Symbol.dispose]()
  await drained
  assert.ok(session.isClosed)
})
