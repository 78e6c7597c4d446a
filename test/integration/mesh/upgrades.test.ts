import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { startTestMesh } from '../../support/mesh.ts'
import { rawExchange } from '../../support/raw-exchange.ts'
import { UPGRADE } from '../../support/websocket-upgrade.ts'

/** Switches every connection to bytes that it sends back, after a greeting. */
const echoServer = (socket: Socket): void => {
  socket.once('data', () => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\ngreeting')
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
  })
}

test('a WebSocket passes both sidecars: bytes flow both ways, and its end is heard', async () => {
  await using mesh = await startTestMesh({ services: { orders: { raw: echoServer } }, callers: ['web'] })
  const text = await rawExchange(mesh.workload('web').portFor('orders'), `${UPGRADE}early`, (heard) =>
    heard.endsWith('early'),
  )
  assert.match(text, /^HTTP\/1\.1 101 /)
  assert.match(text, /\r\n\r\ngreetingearly$/)
  const { app } = mesh.workload('orders')
  await eventually('the application hears that the caller is gone', () => app?.connectionCount === 0)
})

test('an upgrade that the application or a policy refuses is answered with the refusal and its body', async () => {
  const refuse = (socket: Socket): void => {
    socket.on('data', () => socket.write('HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nnope'))
  }
  await using mesh = await startTestMesh({ services: { orders: { raw: refuse } }, callers: ['web'] })
  const port = mesh.workload('web').portFor('orders')
  const byApplication = await rawExchange(port, UPGRADE, (heard) => heard.endsWith('nope'))
  assert.match(byApplication, /^HTTP\/1\.1 403 /)
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], action: DENY, rules: [{}]}
`)
  const byPolicy = await rawExchange(port, UPGRADE, (heard) => heard.includes('denies it'))
  assert.match(byPolicy, /^HTTP\/1\.1 403 /)
  assert.match(byPolicy, /x-outrigger-error: denied/)
  assert.match(byPolicy, /AuthorizationPolicy shop\/closed/)
})

for (const status of ['200 OK', '204 No Content', '299 Odd']) {
  test(`an application that ignores an upgrade and answers ${status} has not switched`, async () => {
    const body = status.startsWith('204') ? '' : 'just a page'
    const ignore = (socket: Socket): void => {
      const length = body === '' ? '' : `content-length: ${body.length}\r\n`
      socket.on('data', () => socket.write(`HTTP/1.1 ${status}\r\nx-outrigger-upgrade: 1\r\n${length}\r\n${body}`))
    }
    await using mesh = await startTestMesh({ services: { orders: { raw: ignore } }, callers: ['web'] })
    const text = await rawExchange(mesh.workload('web').portFor('orders'), UPGRADE, (heard) =>
      heard.endsWith(`\r\n\r\n${body}`),
    )
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status.slice(0, 3)} `))
    assert.doesNotMatch(text, /upgrade: websocket|x-outrigger-upgrade/)
    assert.ok(text.endsWith(`\r\n\r\n${body}`))
  })
}

test('a port of HTTP takes no CONNECT, whatever its application would grant', async () => {
  let connections = 0
  const grant = (socket: Socket): void => {
    connections++
    socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\n\r\n'))
  }
  await using mesh = await startTestMesh({ services: { orders: { raw: grant } }, callers: ['web'] })
  const text = await rawExchange(
    mesh.workload('web').portFor('orders'),
    'CONNECT orders:80 HTTP/1.1\r\nhost: orders:80\r\n\r\n',
    (heard) => heard.includes('\r\n\r\n'),
  )
  assert.match(text, /^HTTP\/1\.1 501 .*x-outrigger-error: not-implemented/s)
  assert.equal(connections, 0)
})
