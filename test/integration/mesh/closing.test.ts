import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { startTestMesh } from '../../support/mesh.ts'

/** A connection that sends `text` and waits. */
async function waiting(port: number, text = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  if (text !== '') socket.write(text)
  // until the other end has accepted it
  await new Promise((resolve) => setTimeout(resolve, 50))
  return socket
}

const isSoon = (promise: Promise<void>): Promise<boolean> =>
  Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 3_000).unref()),
  ])

test('a stranger that connects to the mesh port and says nothing does not keep a sidecar from ending', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} } })
  const stranger = await waiting(mesh.workload('orders').sidecar.ports.inbound ?? 0)
  const closed = isSoon(mesh.workload('orders').sidecar.close())
  assert(await closed.finally(() => stranger.destroy()))
})

test('a request that waits for a sidecar that never gets ready does not keep it from ending', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} } })
  await mesh.stopControlPlane()
  const late = await mesh.addWorkload('late', 'late')
  const application = await waiting(late.portFor('orders'), 'GET / HTTP/1.1\r\nhost: orders\r\n\r\n')
  const drained = isSoon(late.drain(0, 1_000))
  assert(await drained.finally(() => application.destroy()))
})

test('a request that comes before the sidecar is ready waits, and is served', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} } })
  await mesh.stopControlPlane()
  const late = await mesh.addWorkload('late', 'late')
  const answer = late.call('orders', '/early')
  await new Promise((resolve) => setTimeout(resolve, 100))
  await mesh.startControlPlane()
  assert.equal((await answer).status, 200)
})
