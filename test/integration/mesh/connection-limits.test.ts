import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { lowerLimit } from '../../support/lower-limit.ts'
import { startTestMesh } from '../../support/mesh.ts'

/** Instead of 32,768. One caller may have three quarters of the connections to an application. */
const MOST = 12
const SHARE = 9
lowerLimit('listenerConnectionCount', MOST)

const TCP = `apiVersion: v1
kind: Service
metadata: {name: bank, namespace: shop}
spec: {ports: [{name: tcp, port: 80, appProtocol: tcp}]}
`
const PERMISSIVE = `apiVersion: outrigger.dev/v1alpha1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: PERMISSIVE}}
`

/** Connections that stay open until the test ends. */
class Visitors implements Disposable {
  readonly #sockets: Socket[] = []

  /** One more, which says `words`; answers whether it heard anything before it was closed. */
  arrive(port: number, words = ''): Promise<boolean> {
    const socket = connect(port, '127.0.0.1', () => socket.write(words))
    return new Promise((resolve) => {
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(false))
      socket.on('data', () => {
        if (!this.#sockets.includes(socket)) this.#sockets.push(socket)
        resolve(true)
      })
    })
  }

  /** The first of those that are here leaves. */
  leave(): void {
    this.#sockets.shift()?.destroy()
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

test('one caller can hold three quarters of the tunnels to an application: who comes next is served, as long as there is one left', async () => {
  await using mesh = await startTestMesh({
    services: { bank: { raw: (socket) => void socket.write('welcome') } },
    callers: ['web', 'other'],
  })
  await mesh.apply(TCP)
  const { app } = mesh.workload('bank')
  using visitors = new Visitors()
  const dial = (from: string): Promise<boolean> => visitors.arrive(mesh.workload(from).portFor('bank'))
  for (let i = 0; i < SHARE; i++) assert.equal(await dial('web'), true)
  assert.equal(await dial('web'), false, 'its share is used up')
  assert.equal(app?.connectionCount, SHARE)
  for (let i = SHARE; i < MOST; i++) assert.equal(await dial('other'), true)
  assert.equal(await dial('other'), false, 'all of them are')
  assert.equal(app.connectionCount, MOST)
  const metrics = await mesh.workload('bank').metrics()
  assert.equal(metrics.get('outrigger_errors_total{direction="inbound",flag="CO",code="circuit-open"}'), 2)
  visitors.leave()
  await eventually('there is room again', () => dial('web'))
  assert.equal(app.connectionCount, MOST)
})

test('a listener accepts so many connections and closes what comes on top, until one of them leaves', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web'] })
  await mesh.apply(PERMISSIVE)
  const ports = [mesh.workload('web').portFor('orders'), mesh.workload('orders').sidecar.ports.plain[0] ?? 0]
  for (const port of ports) {
    using visitors = new Visitors()
    const call = (): Promise<boolean> => visitors.arrive(port, 'GET / HTTP/1.1\r\nhost: orders\r\n\r\n')
    for (let i = 0; i < MOST; i++) assert.equal(await call(), true)
    assert.equal(await call(), false)
    visitors.leave()
    await eventually('there is room again', call)
    assert.equal(await call(), false)
  }
})
