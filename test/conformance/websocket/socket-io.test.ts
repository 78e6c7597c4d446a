import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import test from 'ava'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { eventually } from '../../support/eventually.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'

const application = createServer()
const server = new Server(application, { maxHttpBufferSize: 10_000_000 })
let mesh: TestMesh

server.on('connection', (socket) => {
  socket.on('echo', (value: unknown, answer: (value: unknown) => void) => answer(value))
  socket.on('shout', (word: string) => server.emit('heard', word))
  socket.on('count', (upTo: number) => {
    for (let i = 0; i < upTo; i++) socket.emit('number', i)
  })
  socket.on('leave', () => socket.disconnect())
})

test.before(async () => {
  mesh = await startTestMesh({
    services: { orders: { raw: (socket) => void application.emit('connection', socket) } },
    callers: ['web'],
  })
})
test.after.always(async () => {
  server.disconnectSockets(true)
  server.engine.close() // and its timers
  await mesh[Symbol.asyncDispose]()
})

/** What comes with the next event of that name. */
const next = (socket: Socket, event: string): Promise<unknown[]> =>
  new Promise((resolve) => socket.once(event, (...values: unknown[]) => resolve(values)))

type Transport = 'polling' | 'websocket'

async function connected(transports: Transport[]): Promise<Socket> {
  const socket = io(`http://127.0.0.1:${mesh.workload('web').portFor('orders')}`, {
    transports,
    forceNew: true,
    reconnection: false,
    extraHeaders: { host: 'orders' },
  })
  const failed = next(socket, 'connect_error').then(([error]) => Promise.reject(error))
  failed.catch(() => undefined)
  await Promise.race([next(socket, 'connect'), failed])
  return socket
}

for (const transports of [['polling'], ['websocket'], ['polling', 'websocket']] as Transport[][]) {
  const over = transports.join(', then ')

  test.serial(`over ${over}: events are answered, with text, structure and octets`, async () => {
    const socket = await connected(transports)
    await eventually(`it speaks ${transports.at(-1)}`, () => socket.io.engine.transport.name === transports.at(-1))
    const large = Buffer.alloc(1_000_000, 7)
    for (const value of ['text é', { deep: [1, null, { x: true }] }, Buffer.from([0, 255, 10, 13]), large]) {
      assert.deepEqual(await socket.emitWithAck('echo', value), value)
    }
    socket.disconnect()
  })

  test.serial(
    `over ${over}: a thousand events of the server come in order, and a broadcast reaches everybody`,
    async () => {
      const [one, other] = [await connected(transports), await connected(transports)]
      const numbers: number[] = []
      one.on('number', (number: number) => numbers.push(number))
      one.emit('count', 1_000)
      await eventually('all came', () => numbers.length === 1_000)
      assert.ok(numbers.every((number, i) => number === i))
      const heard = Promise.all([next(one, 'heard'), next(other, 'heard')])
      other.emit('shout', 'hello')
      assert.deepEqual(await heard, [['hello'], ['hello']])
      one.disconnect()
      other.disconnect()
    },
  )

  test.serial(`over ${over}: each end hears that the other one leaves`, async () => {
    const socket = await connected(transports)
    const left = next(socket, 'disconnect')
    socket.emit('leave')
    assert.equal((await left)[0], 'io server disconnect')
    const other = await connected(transports)
    await eventually('the server has it', () => server.sockets.sockets.has(other.id ?? ''))
    const id = other.id ?? ''
    other.disconnect()
    await eventually('the server heard it', () => !server.sockets.sockets.has(id))
  })
}
