import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import test from 'ava'
import { startTestMesh } from '../../support/mesh.ts'

/** A WebSocket as a caller of HTTP/2 opens it (RFC 8441): what was answered, and all that came after it. */
async function openWebSocket(session: ClientHttp2Session, text: string, isLast: (heard: string) => boolean) {
  if (session.remoteSettings.enableConnectProtocol !== true) await once(session, 'remoteSettings')
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/ws', ':authority': 'orders' },
    { endStream: false },
  )
  let heard = ''
  const isHeard = new Promise<void>((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      heard += chunk.toString()
      if (isLast(heard)) resolve()
    })
    stream.on('end', resolve)
    stream.on('error', reject)
  })
  const [response] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  stream.write(text)
  await isHeard
  stream.close()
  return { response, heard }
}

const answering =
  (head: string, body = '') =>
  (socket: Socket): void => {
    socket.once('data', () => {
      socket.write(`${head}\r\n\r\n${body}`)
      socket.on('data', (chunk: Buffer) => socket.write(chunk))
    })
  }

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade'

test('a caller of HTTP/2 opens a WebSocket to an application of HTTP/1.1', async () => {
  await using mesh = await startTestMesh({
    services: { orders: { raw: answering(SWITCH, 'hello ') } },
    callers: ['web'],
  })
  const session = connect(`http://127.0.0.1:${mesh.workload('web').portFor('orders')}`)
  const { response, heard } = await openWebSocket(session, 'there', (heard) => heard.endsWith('there'))
  session.close()
  assert.deepEqual([response[':status'], heard], [200, 'hello there'])
})

/** In HTTP/2 every 2xx is the switch: an application that did not switch must not be heard saying one. */
const REFUSALS: readonly (readonly [string, number])[] = [
  ['200 OK', 501],
  ['299 Odd', 501],
  ['403 Forbidden', 403],
]
for (const [status, told] of REFUSALS) {
  test(`a caller of HTTP/2 whose upgrade is answered ${status} is told ${told}, and the body`, async () => {
    const app = answering(`HTTP/1.1 ${status}\r\ncontent-length: 4`, 'page')
    await using mesh = await startTestMesh({ services: { orders: { raw: app } }, callers: ['web'] })
    const session = connect(`http://127.0.0.1:${mesh.workload('web').portFor('orders')}`)
    const { response, heard } = await openWebSocket(session, 'frame', () => false)
    session.close()
    assert.deepEqual([response[':status'], heard], [told, 'page'])
    assert.equal(response['x-outrigger-upgrade'], undefined)
  })
}

test('nor does a caller without a sidecar take a page for a WebSocket', async () => {
  const app = answering('HTTP/1.1 200 OK\r\ncontent-length: 4', 'page')
  await using mesh = await startTestMesh({ services: { orders: { raw: app } }, callers: ['web'] })
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: PERMISSIVE}}
`)
  const session = connect(`http://127.0.0.1:${mesh.workload('orders').sidecar.ports.plain[0]}`)
  const { response, heard } = await openWebSocket(session, 'frame', () => false)
  session.close()
  assert.deepEqual([response[':status'], heard, response['x-outrigger-upgrade']], [501, 'page', undefined])
})

test('what follows an upgrade that the application ignores is never a request to it, and spoils nobody else’s', async () => {
  const told: string[] = []
  const app = (socket: Socket): void => {
    socket.on('data', (chunk: Buffer) => {
      for (const head of chunk.toString('latin1').split('\r\n\r\n').slice(0, -1)) {
        const path = head.split(' ')[1] ?? ''
        told.push(path)
        setTimeout(() => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${path.length}\r\n\r\n${path}`), 30)
      }
    })
  }
  await using mesh = await startTestMesh({ services: { orders: { raw: app } }, callers: ['web', 'other'] })
  const session = connect(`http://127.0.0.1:${mesh.workload('web').portFor('orders')}`)
  if (session.remoteSettings.enableConnectProtocol !== true) await once(session, 'remoteSettings')
  const stream = session.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/public', ':authority': 'orders' },
    { endStream: false },
  )
  stream.write('GET /admin HTTP/1.1\r\nhost: orders\r\n\r\n')
  const [response] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  const answers = []
  for (const path of ['/1', '/2']) answers.push((await mesh.call('other', 'orders', path)).body.toString())
  session.destroy()
  assert.deepEqual([response[':status'], answers, told], [501, ['/1', '/2'], ['/public', '/1', '/2']])
})
