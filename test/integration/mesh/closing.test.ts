import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { pause } from '../../support/eventually.ts'
import { startTestMesh } from '../../support/mesh.ts'

/**
 * Whether it comes before anybody's patience ends: a stranger that says nothing is sent away after a time anyway, and
 * what ends then has waited for that.
 */
const isSoon = (promise: Promise<void>): Promise<boolean> =>
  Promise.race([
    promise.then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), LIMITS.headTimeoutMs * 0.8).unref()),
  ])

/** A connection that sends `text` and waits. */
async function waiting(port: number, text = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  if (text !== '') socket.write(text)
  await pause(50) // the other end has accepted it by then, in all likelihood: else there is less to close
  return socket
}

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
  await pause(100)
  await mesh.startControlPlane()
  assert.equal((await answer).status, 200)
})
