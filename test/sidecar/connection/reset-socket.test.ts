import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { resetSocket } from '../../../sidecar/connection/reset-socket.ts'

/** Both ends of one connection. */
async function pair() {
  const server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ours = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  const [theirs] = (await once(server, 'connection')) as [Socket]
  server.close()
  const seen: string[] = []
  theirs.on('error', (error: NodeJS.ErrnoException) => seen.push(error.code ?? ''))
  theirs.on('end', () => seen.push('end'))
  theirs.resume()
  ours.on('error', (error: NodeJS.ErrnoException) => seen.push(`ours: ${error.code}`))
  return { ours, theirs, seen }
}

const closing = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once('close', () => resolve()))

test('the peer of a connection that is broken off sees a reset', async () => {
  const { ours, theirs, seen } = await pair()
  const closed = closing(theirs)
  resetSocket(ours)
  await closed
  assert.deepEqual(seen, ['ECONNRESET'])
})

test('a connection that is broken off right behind its end is closed all the same', async () => {
  const { ours, theirs, seen } = await pair()
  ours.end()
  const closed = closing(ours)
  resetSocket(ours)
  await closed
  theirs.destroy()
  assert.deepEqual(
    seen.filter((one) => one.startsWith('ours')),
    [],
  )
})

test('with octets that still wait before its end, a reset says that they are missing', async () => {
  const { ours, theirs, seen } = await pair()
  theirs.pause()
  ours.write(Buffer.alloc(32 * 1024 * 1024))
  ours.end()
  resetSocket(ours)
  const closed = closing(theirs)
  theirs.resume()
  await closed
  assert.deepEqual(seen, ['ECONNRESET'])
})
