import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test from 'ava'
import { Http2ClientConnection } from '../../../sidecar/connection/http2-client-connection.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { NO_FIELDS, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { FrameType } from '../../../sidecar/http2/frame/frame-type.ts'
import { LINK_SETTINGS } from '../../../sidecar/http2/http2-settings.ts'
import { FakeSocket, turn } from '../../support/fake-socket.ts'
import { frame, SeenResponse, settings } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

async function connected() {
  const socket = new FakeSocket()
  const clock = new TurnedClock(1_000)
  const wheel = new TimerWheel(clock)
  let gone = 0
  const connection = new Http2ClientConnection(socket as unknown as Socket, {
    settings: LINK_SETTINGS,
    keepAlive: true,
    clock,
    wheel,
    onCapacity() {},
    onGone: () => gone++,
  })
  socket.emit('data', settings())
  await turn()
  socket.written()
  return { socket, clock, wheel, connection, gone: () => gone }
}

test('a silent link is pinged after the interval, and kept when it answers', async () => {
  const { socket, clock, connection } = await connected()
  for (let i = 0; i < 4; i++) {
    clock.turn(LIMITS.linkPingIntervalMs + 100)
    await turn()
    const pings = socket.written().filter((type) => type === FrameType.ping)
    assert(pings.length > 0)
    socket.emit('data', frame(FrameType.ping, 1, 0, Buffer.from('alive\0\0\0')))
  }
  assert.equal(connection.state, 'ready')
})

test('a link that does not answer is closed within interval and timeout, and its streams hear reset', async () => {
  const { socket, clock, wheel, connection, gone } = await connected()
  const response = new SeenResponse()
  connection.request(requestHead(), true, response, NO_FIELDS)
  clock.turn(LIMITS.linkPingIntervalMs + LIMITS.linkPingTimeoutMs + 100)
  assert.equal(socket.destroyed, true)
  assert.deepEqual(
    response.errors.map((error) => error.code),
    ['reset'],
  )
  assert.equal(response.errors[0]?.detail, 'the connection is gone: the peer did not answer a PING')
  assert.deepEqual([connection.state, gone(), wheel.size], ['closed', 1, 0])
})

test('all that a turn of the loop leads to is one write', async () => {
  const { socket, connection } = await connected()
  for (let i = 0; i < 10; i++) {
    const stream = connection.request(requestHead({ bodyLength: UNKNOWN_LENGTH }), false, new SeenResponse(), NO_FIELDS)
    stream?.sendBody(Buffer.from('x'))
    stream?.sendEnd(NO_FIELDS)
  }
  assert.equal(socket.writes.length, 0)
  await turn()
  assert.equal(socket.writes.length, 1)
  assert.equal(socket.written().length, 20)
})

test('the end of the peer ends a link whose write never ends: its streams hear reset', async () => {
  const { socket, connection, gone } = await connected()
  socket.write = () => true // of TLS, when the peer goes at the end of the handshake: no callback, no error
  const response = new SeenResponse()
  connection.request(requestHead(), true, response, NO_FIELDS)
  await turn()
  socket.emit('end')
  await turn()
  assert.deepEqual(
    response.errors.map((error) => error.code),
    ['reset'],
  )
  assert.deepEqual([connection.state, socket.destroyed, gone()], ['closed', true, 1])
})

test('one write is under way at a time: what comes meanwhile leaves in one more, from octets of its own', async () => {
  const { socket, connection } = await connected()
  let onWritten = (): void => undefined
  const write = socket.write.bind(socket)
  const taken: Buffer[] = []
  socket.write = (octets, done) => {
    onWritten = done
    taken.push(octets)
    return write(octets, () => undefined)
  }
  connection.request(requestHead(), true, new SeenResponse(), NO_FIELDS)
  await turn()
  for (let i = 0; i < 3; i++) {
    connection.request(requestHead({ path: `/${i}` }), true, new SeenResponse(), NO_FIELDS)
    await turn()
  }
  assert.equal(socket.writes.length, 1)
  assert.deepEqual(taken[0], socket.writes[0], 'what is under way stays as it was')
  onWritten()
  assert.equal(socket.writes.length, 2)
  assert.deepEqual(socket.written(), Array(4).fill(FrameType.headers))
})

test('a socket that is full gets nothing more until it drains', async () => {
  const { socket, connection } = await connected()
  socket.takesMore = false
  const stream = connection.request(requestHead({ bodyLength: UNKNOWN_LENGTH }), false, new SeenResponse(), NO_FIELDS)
  await turn()
  assert.equal(socket.writes.length, 1)
  stream?.sendBody(Buffer.alloc(100))
  connection.request(requestHead(), true, new SeenResponse(), NO_FIELDS)
  await turn()
  assert.equal(socket.writes.length, 1)
  socket.takesMore = true
  socket.emit('drain')
  await turn()
  assert.equal(socket.writes.length, 2)
})

test('while a socket is full, what waits of a body counts, and its source is stopped', async () => {
  const { socket, connection } = await connected()
  socket.takesMore = false
  const stream = connection.request(requestHead({ bodyLength: UNKNOWN_LENGTH }), false, new SeenResponse(), NO_FIELDS)
  await turn()
  assert.equal(stream?.sendBody(Buffer.alloc(LIMITS.unsentHighWaterBytes)), true)
  assert.equal(stream?.sendBody(Buffer.alloc(1)), false)
})

test('while a socket is full, the heads that wait for it are bounded', async () => {
  const { socket, connection } = await connected()
  socket.takesMore = false
  const large = requestHead({ fields: ['x', 'y'.repeat(50_000)] })
  const request = () => connection.request(large, true, new SeenResponse(), NO_FIELDS)
  request()
  await turn()
  let taken = 0
  while (request() !== undefined) {
    taken++
    assert(taken < 100, 'some megabytes')
  }
  assert(taken > 0)
  socket.takesMore = true
  socket.emit('drain')
  await turn()
  assert.notEqual(request(), undefined)
})

test('the end waits for the last octets of a socket that is full', async () => {
  const { socket, connection } = await connected()
  socket.takesMore = false
  const stream = connection.request(requestHead(), true, new SeenResponse(), NO_FIELDS)
  await turn()
  connection.retire()
  stream?.cancel()
  assert.equal(socket.isEnded, false)
  socket.written()
  socket.emit('drain')
  assert.equal(socket.isEnded, true)
  assert.deepEqual(socket.written(), [FrameType.resetStream])
})

test('a peer that is cut off and does not read why keeps nothing for longer than a moment', async () => {
  const { socket, clock, wheel, connection, gone } = await connected()
  socket.takesMore = false
  socket.emit('data', frame(FrameType.windowUpdate, 0, 0, Buffer.alloc(4))) // a fault; `destroySoon` waits for the peer
  assert.deepEqual([connection.state, gone(), socket.destroyed], ['closed', 1, false])
  clock.turn(1_100)
  assert.equal(socket.destroyed, true)
  assert.equal(wheel.size, 0)
})

test('a peer that reads why it is cut off leaves no timer behind', async () => {
  const { socket, wheel } = await connected()
  socket.emit('data', frame(FrameType.windowUpdate, 0, 0, Buffer.alloc(4)))
  socket.destroy()
  assert.equal(wheel.size, 0)
})
