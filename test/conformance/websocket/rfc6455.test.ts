import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import test from 'ava'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { rawExchange } from '../../support/raw-exchange.ts'

/** The application: does as the path of a connection says; without a word in it, says everything back. */
const application = createServer()
const sockets = new WebSocketServer({
  server: application,
  perMessageDeflate: { threshold: 0 },
  handleProtocols: (offered) => (offered.has('chat.v2') ? 'chat.v2' : false),
  verifyClient: ({ req }, done) => done(req.url !== '/closed', 401, 'Unauthorized', { 'x-why': 'closed' }),
})
/** How connections ended at the application: code and reason. */
const ends: Promise<[number, string]>[] = []
let mesh: TestMesh

sockets.on('connection', (socket: WebSocket, request: IncomingMessage) => {
  ends.push(closing(socket))
  const [, word, value = ''] = (request.url ?? '').split('/')
  if (word === 'close') socket.close(Number(value), 'as you wish')
  else if (word === 'die') socket.terminate()
  else if (word === 'ping') socket.ping(value)
  else if (word === 'fragments') for (const piece of value) socket.send(piece, { fin: piece === value.at(-1) })
  else socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
})

test.before(async () => {
  mesh = await startTestMesh({
    services: { orders: { raw: (socket) => void application.emit('connection', socket) } },
    callers: ['web'],
  })
})
test.after.always(async () => {
  sockets.close()
  await mesh[Symbol.asyncDispose]()
})
test.beforeEach(() => {
  ends.length = 0
})

const unopened = (path = '/', protocols: string[] = [], options = {}): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${mesh.workload('web').portFor('orders')}${path}`, protocols, {
    headers: { host: 'orders' },
    perMessageDeflate: false,
    ...options,
  })
async function open(path?: string, protocols?: string[], options?: object): Promise<WebSocket> {
  const socket = unopened(path, protocols, options)
  await once(socket, 'open')
  return socket
}
/** The next message: its octets, and whether it is binary. */
async function message(socket: WebSocket): Promise<[Buffer, boolean]> {
  const [data, isBinary] = (await once(socket, 'message')) as [RawData, boolean]
  return [data as Buffer, isBinary]
}
/** Sends a message and checks that it comes back. */
async function echoes(socket: WebSocket, sent: Buffer | string, options = {}): Promise<void> {
  const answer = message(socket)
  socket.send(sent, options)
  const [data, isBinary] = await answer
  assert.equal(isBinary, typeof sent !== 'string')
  assert.ok(data.equals(Buffer.from(sent as string)), `${data.length} octets`)
}
/** Code and reason of the end; errors before it are its own affair. */
function closing(socket: WebSocket): Promise<[number, string]> {
  socket.on('error', () => undefined)
  return new Promise((resolve) => socket.once('close', (code, reason) => resolve([code, String(reason)])))
}

test.serial('4.2.2: a subprotocol that both sides know is chosen', async () => {
  const socket = await open('/', ['chat.v1', 'chat.v2'])
  assert.equal(socket.protocol, 'chat.v2')
  socket.terminate()
})

test.serial('4.2.2: a refusal arrives with its status and fields', async () => {
  const socket = unopened('/closed')
  socket.on('error', () => undefined)
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  assert.deepEqual([response.statusCode, response.headers['x-why']], [401, 'closed'])
  socket.terminate()
})

test.serial(
  '4.4: a version that the application does not know is refused by the application, which says those it knows',
  async () => {
    const fields = 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    const answer = await rawExchange(
      mesh.workload('web').portFor('orders'),
      `GET / HTTP/1.1\r\nhost: orders\r\n${fields}sec-websocket-version: 99\r\n\r\n`,
      (text) => text.includes('\r\n\r\n'),
    )
    assert.match(answer, /^HTTP\/1\.1 4\d\d /)
    assert.match(answer, /\r\nsec-websocket-version: 13/i)
  },
)

// 5.2: a length is in 7, 16 or 64 bits
for (const bytes of [0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576]) {
  test.serial(`5.2: a message of ${bytes} octets comes back, as text and as binary`, async () => {
    const socket = await open()
    await echoes(socket, 'é'.repeat(bytes / 2) + 'x'.repeat(bytes % 2))
    await echoes(socket, Buffer.alloc(bytes, 0xfe))
    socket.terminate()
  })
}

test.serial('5.1: a frame of a client without a mask is a protocol error at the application', async () => {
  const socket = await open()
  const end = closing(socket)
  socket.send('not masked', { mask: false })
  assert.deepEqual((await end)[0], 1002)
})

test.serial('5.4: fragments with a PING between them are one message, both ways', async () => {
  const socket = await open()
  const answer = message(socket)
  const pong = once(socket, 'pong')
  socket.send('one ', { fin: false })
  socket.ping('between')
  socket.send('two ', { fin: false })
  socket.send('three', { fin: true })
  assert.deepEqual((await answer)[0].toString(), 'one two three')
  assert.deepEqual(String((await pong)[0]), 'between')
  socket.terminate()

  const other = unopened('/fragments/abcde')
  assert.deepEqual((await message(other))[0].toString(), 'abcde')
  other.terminate()
})

// 5.5.1, 7.4: codes of the protocol, of libraries and of applications
for (const code of [1000, 1001, 1003, 1007, 1008, 1009, 1011, 3000, 4999]) {
  test.serial(`5.5.1: ${code} and its reason arrive, whoever closes`, async () => {
    const socket = await open()
    const end = closing(socket)
    socket.close(code, 'that was all – é')
    assert.deepEqual(await ends[0], [code, 'that was all – é'])
    assert.deepEqual(await end, [code, 'that was all – é'])
    assert.deepEqual(await closing(unopened(`/close/${code}`)), [code, 'as you wish'])
    assert.deepEqual((await ends[1])?.[0], code)
  })
}

test.serial('5.5.1: a close without a code is 1005 at the application', async () => {
  const socket = await open()
  socket.close()
  assert.deepEqual(await ends[0], [1005, ''])
})

test.serial('5.5.2, 5.5.3: PING is answered by the other end, with its octets', async () => {
  const socket = await open()
  const pong = once(socket, 'pong')
  socket.ping(Buffer.alloc(125, 7))
  assert.deepEqual((await pong)[0], Buffer.alloc(125, 7))
  socket.terminate()
  const pinged = unopened('/ping/hello')
  assert.equal(String((await once(pinged, 'ping'))[0]), 'hello')
  pinged.terminate()
})

test.serial('7.1.5: an application that dies is 1006 for the caller, and the other way round', async () => {
  assert.equal((await closing(unopened('/die')))[0], 1006)
  const socket = await open()
  socket.terminate()
  assert.deepEqual((await ends[1])?.[0], 1006)
})

test.serial('8.1: text that is no UTF-8 is refused by the application', async () => {
  const socket = await open()
  const end = closing(socket)
  socket.send(Buffer.from([0xc0, 0xaf]), { binary: false })
  assert.equal((await end)[0], 1007)
})

test.serial('9: permessage-deflate (RFC 7692) is negotiated between the ends, and used', async () => {
  const socket = await open('/', [], { perMessageDeflate: { threshold: 0 } })
  assert.match(socket.extensions, /permessage-deflate/)
  await echoes(socket, 'squeeze '.repeat(10_000), { compress: true })
  socket.terminate()
})

test.serial('ten thousand messages keep their order', async () => {
  const socket = await open()
  const came: number[] = []
  const all = new Promise<void>((resolve) => {
    socket.on('message', (data: RawData) => {
      came.push(Number(String(data)))
      if (came.length === 10_000) resolve()
    })
  })
  for (let i = 0; i < 10_000; i++) socket.send(`${i}`)
  await all
  assert.ok(came.every((number, i) => number === i))
  socket.terminate()
})
