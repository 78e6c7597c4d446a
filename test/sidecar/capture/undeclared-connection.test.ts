import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { ProtocolMemory } from '../../../sidecar/capture/protocol-memory.ts'
import { UndeclaredConnection } from '../../../sidecar/capture/undeclared-connection.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { NO_FIELDS, type RequestHead, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { decidedResponse, sendWhole } from '../../../sidecar/http/local-response.ts'
import type { DownstreamStream } from '../../../sidecar/http/streams.ts'
import { http2Counters } from '../../../sidecar/http2/stream/http2-counters.ts'
import type { TcpDownstream } from '../../../sidecar/tunnel/tcp-downstream.ts'
import { eventually } from '../../support/eventually.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const SINK = { onBody() {}, onEnd() {}, onAbort() {}, onDrain() {} }
const GRANTED = { status: 200, fields: NO_FIELDS, bodyLength: UNKNOWN_LENGTH }
const GET = 'GET /path HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'

/** A tunnel that was opened, and what its exchange heard. */
interface Tunnel {
  readonly stream: TcpDownstream
  readonly serverName: string
  said: string
  hasEnded: boolean
  isAborted: boolean
}

/** A port that says nothing of itself. `port` undefined: it goes by the names of servers. */
async function undeclaredPort({ port }: { readonly port: string | undefined } = { port: 'bank:80' }) {
  const clock = new TurnedClock(1_000)
  const wheel = new TimerWheel(clock)
  const tunnels: Tunnel[] = []
  const told: string[] = []
  const memory = new ProtocolMemory((_port, protocol) => void told.push(protocol))
  const connections: UndeclaredConnection<string>[] = []
  let closed = 0
  const handler = {
    onRefused: () => undefined,
    onRequest(head: RequestHead, _end: boolean, stream: DownstreamStream): void {
      stream.attach(SINK)
      sendWhole(stream, head.method, decidedResponse({ status: 200, fields: [], body: head.path }))
    },
  }
  const carry = (stream: TcpDownstream, serverName: string): void => {
    const tunnel: Tunnel = { stream, serverName, said: '', hasEnded: false, isAborted: false }
    tunnels.push(tunnel)
    stream.attach({
      onBody: (chunk) => {
        tunnel.said += chunk.toString('latin1')
      },
      onEnd: () => {
        tunnel.hasEnded = true
      },
      onAbort: () => {
        tunnel.isAborted = true
      },
      onDrain() {},
    })
  }
  const accepted: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    accepted.push(socket)
    const onClosed = (): void => void closed++
    const counters = http2Counters()
    const options = { handler, peer: '', clock: systemClock, wheel, counters, onClosed, port, memory, carry }
    connections.push(new UndeclaredConnection(socket, options))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dialled: Socket[] = []
  return {
    clock,
    wheel,
    tunnels,
    told,
    memory,
    connections,
    closed: () => closed,
    /** All that the last caller wrote was read. */
    heard: (bytes: number) => eventually('it is heard', () => accepted.at(-1)?.bytesRead === bytes),
    async dial(): Promise<Socket> {
      const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
      dialled.push(socket)
      socket.on('error', () => undefined)
      const count = connections.length
      await once(socket, 'connect')
      await eventually('it is accepted', () => connections.length > count)
      return socket
    },
    /** A connection whose caller is silent until its tunnel is opened in doubt. */
    async doubted(): Promise<readonly [Socket, Tunnel]> {
      const socket = await this.dial()
      const count = tunnels.length
      clock.turn(1_100) // more than any port's
      const tunnel = tunnels[count]
      assert(tunnel !== undefined, 'its callee is asked to speak')
      return [socket, tunnel]
    },
    async [Symbol.asyncDispose]() {
      for (const socket of dialled) socket.destroy()
      for (const connection of connections) connection.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

type Port = Awaited<ReturnType<typeof undeclaredPort>>

/** Nothing of any connection is left. */
async function assertGone(at: Port, count: number): Promise<void> {
  await eventually('it is closed, and told of once', () => at.closed() === count)
  assert.equal(at.wheel.size, 0)
}

async function textOf(socket: Socket): Promise<string> {
  let text = ''
  try {
    for await (const chunk of socket) text += String(chunk)
  } catch {} // a reset ends it too
  return text
}

/** Our side has read what was written: the wheel moved for it. */
const timed = (at: Port): Promise<void> => eventually('it is heard', () => at.wheel.size === 1)

test('less than a line is let go when a head must be done, and opens no tunnel', async () => {
  await using at = await undeclaredPort()
  const socket = await at.dial()
  socket.write('pi')
  await at.heard(2)
  at.clock.turn(LIMITS.headTimeoutMs - 100)
  assert.equal(at.tunnels.length, 0)
  at.clock.turn(200)
  await textOf(socket)
  await assertGone(at, 1)
})

test('in doubt a caller may be silent for ever, but not say less than a line', async () => {
  await using at = await undeclaredPort()
  const [socket, tunnel] = await at.doubted()
  at.clock.turn(LIMITS.idleConnectionMs * 10)
  assert.equal(tunnel.isAborted, false)
  socket.write('p')
  await timed(at)
  at.clock.turn(LIMITS.headTimeoutMs - 100)
  socket.write('i') // does not begin the time anew
  await at.heard(2)
  assert.equal(tunnel.isAborted, false)
  at.clock.turn(200)
  await textOf(socket)
  await assertGone(at, 1)
  assert.equal(tunnel.isAborted, true)
  assert.equal(tunnel.said, '')
})

test('a caller that goes away in the middle of a line leaves no timer', async () => {
  await using at = await undeclaredPort()
  const [socket, tunnel] = await at.doubted()
  socket.write('pi')
  await timed(at)
  socket.resetAndDestroy()
  await assertGone(at, 1)
  assert.equal(tunnel.isAborted, true)
})

test('where the callee speaks meanwhile, the caller has its time and its octets', async () => {
  await using at = await undeclaredPort()
  const [socket, tunnel] = await at.doubted()
  assert.equal(at.connections[0]?.isIdle, true)
  tunnel.stream.sendHead(GRANTED)
  socket.write('pi')
  await timed(at)
  assert.equal(tunnel.said, '')
  tunnel.stream.sendBody(Buffer.from('220 '))
  assert.equal(at.wheel.size, 0)
  assert.equal(at.connections[0]?.isIdle, false)
  assert.equal(tunnel.said, 'pi')
  socket.end('ng')
  await eventually('all of it came', () => tunnel.said === 'ping' && tunnel.hasEnded)
  assert.deepEqual(at.told, ['callee-first'])
  tunnel.stream.sendEnd()
  assert.equal(await textOf(socket), '220 ')
  await assertGone(at, 1)
  assert.equal(tunnel.isAborted, false)
})

test('what is said in doubt and is another protocol is carried once, what is HTTP is served and its tunnel given up', async () => {
  await using at = await undeclaredPort()
  const [socket, tunnel] = await at.doubted()
  socket.write('pi')
  await timed(at)
  socket.write('ng\r\nmore')
  await eventually('it is carried', () => tunnel.said === 'ping\r\nmore')
  assert.equal(at.wheel.size, 0)
  socket.resetAndDestroy()
  await assertGone(at, 1)

  const [caller, given] = await at.doubted()
  caller.write(GET.slice(0, 10))
  await timed(at)
  caller.write(GET.slice(10))
  assert.match(await textOf(caller), /^HTTP\/1\.1 200 .*\r\n\r\n\/path$/s)
  caller.destroy()
  assert.equal(given.isAborted, true)
  assert.equal(given.said, '')
  await assertGone(at, 2)
  assert.deepEqual(at.told, ['tcp', 'http1'])
})

test('a tunnel that is refused in doubt leaves a caller that may speak HTTP, from where it was', async () => {
  await using at = await undeclaredPort()
  const [socket, tunnel] = await at.doubted()
  socket.write(GET.slice(0, 2))
  await timed(at)
  tunnel.stream.sendHead({ ...GRANTED, status: 503 })
  socket.write(GET.slice(2))
  assert.match(await textOf(socket), /^HTTP\/1\.1 200 .*\r\n\r\n\/path$/s)
  socket.destroy()
  await assertGone(at, 1)

  const [silent, refused] = await at.doubted()
  refused.stream.reset(meshError('reset', 'its callee is gone'))
  assert.equal(at.wheel.size, 1)
  at.clock.turn(LIMITS.idleConnectionMs + 100)
  await textOf(silent)
  await assertGone(at, 2)

  const [ended, gone] = await at.doubted()
  gone.stream.reset(meshError('reset', 'its callee is gone'))
  ended.end()
  await textOf(ended)
  await assertGone(at, 3)
  assert.equal(at.tunnels.length, 3, 'nobody is asked a second time')
})

test('another protocol gets a tunnel of its own after one was refused, and is reset with that', async () => {
  await using at = await undeclaredPort()
  const [socket, tunnel] = await at.doubted()
  tunnel.stream.sendHead({ ...GRANTED, status: 503 })
  socket.write('ping\r\n')
  await eventually('it has a second one', () => at.tunnels[1]?.said === 'ping\r\n')
  at.tunnels[1]?.stream.sendHead({ ...GRANTED, status: 503 })
  await textOf(socket)
  await assertGone(at, 1)
})

test('a drain ends what nobody spoke on, and waits for what was spoken on', async () => {
  await using at = await undeclaredPort()
  const silent = await at.dial()
  at.connections[0]?.drain()
  await textOf(silent)
  await assertGone(at, 1)
  const [doubted, tunnel] = await at.doubted()
  at.connections[1]?.drain()
  await textOf(doubted)
  await assertGone(at, 2)
  assert.equal(tunnel.isAborted, true)
  const [socket, spoken] = await at.doubted()
  spoken.stream.sendHead(GRANTED)
  spoken.stream.sendBody(Buffer.from('220 '))
  at.connections[2]?.drain()
  socket.write('ping')
  await eventually('it goes on', () => spoken.said === 'ping')
})

test('a caller that ended is told of when its connection is broken off all the same', async () => {
  await using at = await undeclaredPort()
  const [socket, tunnel] = await at.doubted()
  tunnel.stream.sendHead(GRANTED)
  tunnel.stream.sendBody(Buffer.from('220 '))
  socket.end()
  await eventually('its end is heard', () => tunnel.hasEnded)
  at.connections[0]?.destroy()
  await assertGone(at, 1)
  assert.equal(tunnel.isAborted, true)
})

test('who waits for whom goes by what was spoken the last time', async () => {
  const memory = new ProtocolMemory(() => undefined)
  assert.equal(memory.silenceMs('a'), 20)
  for (const [protocol, silenceMs] of [
    ['http1', 1_000],
    ['http2', 1_000],
    ['tls', 1_000],
    ['tcp', 20],
    ['callee-first', 0],
  ] as const) {
    memory.note('a', protocol)
    assert.equal(memory.silenceMs('a'), silenceMs, protocol)
    assert.equal(memory.silenceMs('b'), 20)
  }
})

/** It names `b.shop`. */
const HELLO = Buffer.from(
  '160301003e0100003a0303070707070707070707070707070707070707070707070707070707070707070700000213010100000f000000' +
    '0b0009000006622e73686f70',
  'hex',
)

test('where servers are named, a ClientHello that is cut is carried whole, and nobody waits for a callee', async () => {
  await using at = await undeclaredPort({ port: undefined })
  const socket = await at.dial()
  at.clock.turn(5_000)
  assert.equal(at.tunnels.length, 0)
  socket.write(HELLO.subarray(0, 20))
  await at.heard(20)
  socket.write(HELLO.subarray(20))
  await eventually('it is carried', () => at.tunnels[0]?.said === HELLO.toString('latin1'))
  assert.equal(at.tunnels[0]?.serverName, 'b.shop')
  assert.deepEqual(at.told, [])
  for (const text of ['ping\r\n', '']) {
    const other = await at.dial()
    other.end(text)
    await textOf(other)
  }
  assert.equal(at.tunnels.length, 1)
})
