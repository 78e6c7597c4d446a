import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { DetectedConnection } from '../../../sidecar/capture/detected-connection.ts'
import { spokenOfHttp } from '../../../sidecar/connection/spoken.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import type { RequestHead } from '../../../sidecar/http/head.ts'
import { decidedResponse, sendWhole } from '../../../sidecar/http/local-response.ts'
import type { DownstreamStream } from '../../../sidecar/http/streams.ts'
import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { http2Counters } from '../../../sidecar/http2/stream/http2-counters.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const SINK = { onBody() {}, onEnd() {}, onAbort() {}, onDrain() {} }
const GET = 'GET /path HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'

/** A port whose connections are detected; each request is answered with what it came in. */
async function detectedPort(clock = new TurnedClock(1_000)) {
  const wheel = new TimerWheel(clock)
  const connections: DetectedConnection<string>[] = []
  let closed = 0
  const handler = {
    onRefused: () => undefined,
    onRequest(head: RequestHead, _end: boolean, stream: DownstreamStream): void {
      stream.attach(SINK)
      sendWhole(
        stream,
        head.method,
        decidedResponse({ status: 200, fields: [], body: `${stream.protocol} ${head.path}` }),
      )
    },
  }
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const options = {
      handler,
      peer: '',
      clock: systemClock,
      wheel,
      counters: http2Counters(),
      onClosed: () => closed++,
    }
    connections.push(new DetectedConnection(socket, options))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    clock,
    wheel,
    connections,
    closed: () => closed,
    [Symbol.asyncDispose]: () => {
      for (const connection of connections) connection.destroy()
      return new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket
}

async function heard(socket: Socket): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20))

test('the first octets tell: a preface to its last octet, anything else is for the reader of HTTP/1', () => {
  for (let length = 0; length < 16; length++) assert.equal(spokenOfHttp(CLIENT_PREFACE.subarray(0, length)), 'more')
  assert.equal(spokenOfHttp(CLIENT_PREFACE.subarray(0, 16)), 'http2')
  assert.equal(spokenOfHttp(Buffer.concat([CLIENT_PREFACE, Buffer.alloc(9)])), 'http2')
  for (const text of ['G', 'PUT /', 'PROPFIND', 'PRI * HTTP/1.1\r\n', 'PRI  *', '\x16\x03\x01', 'pri * HTTP/2.0\r\n'])
    assert.equal(spokenOfHttp(Buffer.from(text, 'latin1')), 'http1', text)
})

test('a request of HTTP/1 is served, in one piece or octet by octet', async () => {
  await using at = await detectedPort()
  const whole = await dial(at.port)
  whole.write(GET)
  assert.match(await heard(whole), /^HTTP\/1\.1 200 .*\r\n\r\nhttp\/1\.1 \/path$/s)
  const pieces = await dial(at.port)
  for (const octet of GET.replace('GET', 'PRO')) pieces.write(octet) // begins like a preface
  assert.match(await heard(pieces), /\r\n\r\nhttp\/1\.1 \/path$/)
})

test('HTTP/2 is served by a real client', async () => {
  await using at = await detectedPort()
  const session = connectHttp2(`http://127.0.0.1:${at.port}`)
  const stream = session.request({ ':path': '/two' })
  let text = ''
  for await (const chunk of stream) text += chunk
  assert.equal(text, 'h2 /two')
  session.close()
  await once(session, 'close')
})

test('a preface that comes in single octets is one', async () => {
  await using at = await detectedPort()
  const socket = await dial(at.port)
  for (const octet of CLIENT_PREFACE) {
    socket.write(Buffer.from([octet]))
    await new Promise((resolve) => setImmediate(resolve))
  }
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.equal(first[3], 4, 'SETTINGS')
  socket.destroy()
})

test('who says nothing is let go when an idle connection is, who began a preface when a head must be done', async () => {
  await using at = await detectedPort()
  const silent = await dial(at.port)
  const begun = await dial(at.port)
  silent.on('error', () => undefined)
  begun.on('error', () => undefined)
  begun.write('PRI ')
  await settled()
  at.clock.turn(LIMITS.headTimeoutMs + 100)
  if (!begun.closed) await once(begun.resume(), 'close')
  assert.equal(silent.closed, false)
  at.clock.turn(LIMITS.idleConnectionMs)
  if (!silent.closed) await once(silent.resume(), 'close')
  await settled()
  assert.equal(at.closed(), 2)
  assert.equal(at.wheel.size, 0)
})

test('what ends, breaks or is drained before it said anything is closed and told of once', async () => {
  await using at = await detectedPort()
  const ending = await dial(at.port)
  ending.end()
  const breaking = await dial(at.port)
  await settled()
  breaking.resetAndDestroy()
  const waiting = await dial(at.port)
  await settled()
  assert.equal(at.connections.at(-1)?.isIdle, true)
  at.connections.at(-1)?.drain()
  await once(waiting.resume(), 'close')
  await settled()
  assert.equal(at.closed(), 3)
  assert.equal(at.wheel.size, 0)
})
