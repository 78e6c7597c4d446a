import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2, createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import test from 'ava'
import { certificateFor } from '../../support/application-certificate.ts'
import { eventually, pause } from '../../support/eventually.ts'
import { startTestMesh, type TestMesh, type TestService } from '../../support/mesh.ts'
import { rawExchange } from '../../support/raw-exchange.ts'

/** A mesh whose service `bank` has a port of which nothing is said. */
async function undeclared(service: TestService): Promise<TestMesh> {
  const mesh = await startTestMesh({ services: { bank: service }, callers: ['web'] })
  await mesh.apply(`apiVersion: v1
kind: Service
metadata: {name: bank, namespace: shop}
spec: {ports: [{port: ${service.port ?? 80}}]}
`)
  await mesh.reaches('web', 'bank', 1)
  return mesh
}

const portOf = (mesh: TestMesh): number => mesh.workload('web').portFor('bank')

/** How many connections the caller's sidecar took for what. */
async function told(mesh: TestMesh, direction = 'outbound'): Promise<Record<string, number>> {
  const name = direction === 'outbound' ? 'web' : 'bank'
  const found: Record<string, number> = {}
  for (const [series, value] of await mesh.workload(name).metrics()) {
    if (!series.startsWith('outrigger_detected_connections_total') || !series.includes(direction)) continue
    found[/protocol="([^"]+)"/.exec(series)?.[1] ?? ''] = value
  }
  return found
}

const dialled: Socket[] = []
test.after.always(() => {
  for (const socket of dialled) socket.destroy()
})

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  dialled.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** What a socket has said, as it comes. */
function hear(socket: Socket): { readonly text: () => string; readonly closed: Promise<unknown> } {
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  const closed = new Promise<void>((resolve) => {
    socket.once('end', resolve)
    socket.once('close', resolve)
  })
  return { text: () => text, closed }
}

/** Answers each line in capitals. */
const shout = (socket: Socket): void =>
  void socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()))
const greeter = (socket: Socket): void => {
  socket.write('220 bank ready\r\n')
  shout(socket)
}

/** Has its say when its caller has none any more. */
const endsLate = (socket: Socket): void => {
  socket.allowHalfOpen = true
  socket.on('end', () => void socket.end('it is noon')).resume()
}

test('a caller that speaks neither HTTP nor TLS is carried as it is', async () => {
  await using mesh = await undeclared({ raw: shout })
  const socket = await dial(portOf(mesh))
  const heard = hear(socket)
  socket.write('pi')
  await pause(100)
  assert.equal(heard.text(), '', 'what a line is, is known at its end')
  socket.write('ng\r\n')
  await eventually('the answer is there', () => heard.text() === 'PING\r\n')
  socket.write('more')
  await eventually('the next one too', () => heard.text() === 'PING\r\nMORE')
  socket.end()
  assert.deepEqual(await told(mesh), { tcp: 1 })
})

test('what a caller says before it ends is carried, a line or not', async () => {
  await using mesh = await undeclared({ raw: shout })
  const socket = await dial(portOf(mesh))
  const heard = hear(socket)
  socket.end('ping')
  await eventually('the answer is there', () => heard.text() === 'PING')
})

test('a caller that ends without a word hears its callee, which hears the end', async () => {
  await using mesh = await undeclared({ raw: endsLate })
  for (const waitMs of [0, 100]) {
    const socket = await dial(portOf(mesh))
    await pause(waitMs)
    const heard = hear(socket)
    socket.end()
    await heard.closed
    assert.equal(heard.text(), 'it is noon')
  }
})

test('where the caller is silent the callee may speak first', async () => {
  await using mesh = await undeclared({ raw: greeter })
  for (const count of [1, 2]) {
    const socket = await dial(portOf(mesh))
    const heard = hear(socket)
    await eventually('the greeting is there', () => heard.text() === '220 bank ready\r\n')
    socket.write('quit')
    await eventually('it goes on', () => heard.text().endsWith('QUIT'))
    socket.end()
    assert.deepEqual(await told(mesh), { 'callee-first': count })
  }
})

test('a caller of HTTP may be silent as long as it likes first: it is served, and its fields are ours', async () => {
  await using mesh = await undeclared({
    handler: (request, response) => void response.end(JSON.stringify(request.headers)),
  })
  const socket = await dial(portOf(mesh))
  const heard = hear(socket)
  await eventually('the callee was asked to speak', () => mesh.workload('bank').app?.connectionCount === 1)
  socket.write('GET / HTTP/1.1\r\nhost: bank\r\nx-outrigger-port: 1\r\n')
  await pause(50)
  socket.write('connection: close\r\n\r\n')
  await heard.closed
  assert.match(heard.text(), /^HTTP\/1\.1 200 .*URI=spiffe:\/\/mesh\.test\/ns\/shop\/sa\/web/s)
  assert.doesNotMatch(heard.text(), /x-outrigger-port/)
  assert.deepEqual(await told(mesh), { http1: 1 })
})

test('HTTP/2 with prior knowledge reaches an application that speaks it, though nobody said so', async () => {
  const server = createHttp2Server()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200 })
    stream.end('over h2')
  })
  await using mesh = await undeclared({ raw: (socket) => void server.emit('connection', socket) })
  const session = connectHttp2(`http://127.0.0.1:${portOf(mesh)}`)
  const stream = session.request({ ':path': '/' })
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  session.close()
  assert.equal(text, 'over h2')
  assert.deepEqual(await told(mesh), { http2: 1 })
})

test('a caller of HTTP/2 may be silent first, though its server is not', async () => {
  const server = createHttp2Server()
  server.on('stream', (stream: ServerHttp2Stream, fields) => {
    stream.respond({ ':status': 200 })
    stream.end(String(fields['x-forwarded-client-cert']))
  })
  await using mesh = await undeclared({ raw: (socket) => void server.emit('connection', socket) })
  const socket = await dial(portOf(mesh))
  await eventually('the callee was asked to speak', () => mesh.workload('bank').app?.connectionCount === 1)
  await pause(100)
  assert.equal(socket.readableLength, 0, 'its settings are for whoever serves HTTP to it')
  const session = connectHttp2('http://bank', { createConnection: () => socket })
  const stream = session.request({ ':path': '/', 'x-forwarded-client-cert': 'URI=spiffe://mesh.test/ns/shop/sa/other' })
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  session.close()
  assert.match(text, /URI=spiffe:\/\/mesh\.test\/ns\/shop\/sa\/web$/)
  assert.deepEqual(await told(mesh), { http2: 1 })
})

test('TLS goes through to the application, which shows its own certificate', async () => {
  const own = certificateFor('bank')
  const server = createTlsServer({ key: own.keyPem, cert: own.certificatePem })
  server.on('secureConnection', (socket: TLSSocket) => shout(socket))
  const raw = (socket: Socket): void => void server.emit('connection', socket)
  await using mesh = await undeclared({ raw, port: 443 })
  // A listener that goes by names goes by the name that is asked for.
  for (const port of [portOf(mesh), mesh.workload('web').portFor('')]) {
    const client = connectTls({ host: '127.0.0.1', port, servername: 'bank', ca: own.certificatePem })
    await once(client, 'secureConnect')
    assert.equal(client.authorized, true)
    const heard = hear(client)
    client.write('secret')
    await eventually('the answer is there', () => heard.text() === 'SECRET')
    client.destroy()
  }
  assert.deepEqual(await told(mesh), { tls: 1 })
})

test('a TLS client that names no service of ours, and a stranger, find nothing at the listener that goes by names', async () => {
  await using mesh = await undeclared({ raw: shout })
  const port = mesh.workload('web').portFor('')
  const client = connectTls({ host: '127.0.0.1', port, servername: 'nobody.example', rejectUnauthorized: false })
  await assert.rejects(once(client, 'secureConnect'))
  const stranger = await dial(port)
  stranger.write('ping\r\n')
  await hear(stranger).closed
})

const deny = (rule: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: by-request, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: bank}]
  action: DENY
  rules: [${rule}]
`

test('where a policy speaks of requests, a connection whose requests nobody sees is refused, not let past', async () => {
  await using mesh = await undeclared({ raw: greeter })
  await mesh.apply(deny('{http: {paths: [{type: PathPrefix, value: /admin}]}}'))
  const socket = await dial(portOf(mesh))
  const heard = hear(socket)
  socket.write('ping\r\n')
  await heard.closed
  assert.equal(heard.text(), '')
  await mesh.apply(
    deny('{http: {methods: [POST]}, sources: [{type: ServiceAccount, serviceAccount: {name: somebody}}]}'),
  )
  const other = await dial(portOf(mesh))
  const greeting = hear(other)
  await eventually('it concerns somebody else', () => greeting.text() === '220 bank ready\r\n')
  other.destroy()
})

test('a route for requests takes no other connection of an undeclared port', async () => {
  await using mesh = await undeclared({ raw: shout })
  await mesh.apply(`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: bank, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: bank}]
  rules: [{backendRefs: [{name: bank, port: 80}]}]
`)
  const socket = await dial(portOf(mesh))
  const heard = hear(socket)
  socket.write('ping\r\n')
  await heard.closed
  assert.equal(heard.text(), '')
})

test('a request that is no good HTTP is refused as one, not carried past the rules for HTTP', async () => {
  let received = ''
  await using mesh = await undeclared({ raw: (socket) => void socket.on('data', (chunk) => (received += chunk)) })
  const long = `GET /${'a'.repeat(20_000)} HTTP/1.1`
  for (const line of [
    'GET  /admin HTTP/1.1',
    'get\t/admin\thttp/1.1',
    '\r\n\r\nGET /\u0001 HTTP/1.1',
    'GET /admin',
    long,
  ]) {
    const answer = await rawExchange(portOf(mesh), Buffer.from(`${line}\r\nhost: bank\r\n\r\n`), () => false)
    assert.match(answer, /^HTTP\/1\.1 (400|414|501|404) /, line.slice(0, 40))
  }
  for (const waitMs of [0, 100]) {
    const socket = await dial(portOf(mesh))
    await pause(waitMs)
    const heard = hear(socket)
    socket.end('GET /admin HTTP/1.1')
    await heard.closed
  }
  assert.equal(received, '')
})

test('callers without a sidecar are told apart likewise', async () => {
  await using mesh = await undeclared({ raw: greeter })
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: PERMISSIVE}}
`)
  const socket = await dial(mesh.workload('bank').sidecar.ports.plain[0] ?? 0)
  const heard = hear(socket)
  await eventually('the greeting is there', () => heard.text() === '220 bank ready\r\n')
  socket.write('quit')
  await eventually('it goes on', () => heard.text().endsWith('QUIT'))
  socket.end()
  assert.deepEqual(await told(mesh, 'inbound'), { 'callee-first': 1 })
})

test('a CONNECT of HTTP is no way past rules for requests, from callers with and without a sidecar', async () => {
  await using mesh = await undeclared({ raw: shout })
  await mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: PERMISSIVE}}
---
${deny('{http: {paths: [{type: PathPrefix, value: /admin}]}}')}`)
  const connectTo = (port: number): Promise<string> =>
    rawExchange(port, Buffer.from('CONNECT bank:80 HTTP/1.1\r\nhost: bank:80\r\n\r\nping\r\n'), (heard) =>
      /\r\n\r\n/.test(heard),
    )
  assert.match(await connectTo(mesh.workload('bank').sidecar.ports.plain[0] ?? 0), /^HTTP\/1\.1 (403|501) /)
  assert.match(await connectTo(portOf(mesh)), /^HTTP\/1\.1 (403|501) /)
})
