import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import test from 'ava'
import type { Http1ClientConnection } from '../../../sidecar/connection/http1-client-connection.ts'
import { http1Dialer } from '../../../sidecar/connection/http1-dial.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import type { MeshError } from '../../../sidecar/core/mesh-errors.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead } from '../../../sidecar/http/head.ts'
import type { ResponseSink, UpstreamStream } from '../../../sidecar/http/streams.ts'
import { type Http1Limit, http1Counters } from '../../../sidecar/http1/http1-counters.ts'
import { requestHead } from '../../support/recording-streams.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** What one try heard. `done` resolves at its end or failure. */
class Heard implements ResponseSink {
  head: ResponseHead | undefined
  readonly interims: number[] = []
  body = ''
  bodyBytes = 0
  trailers: Fields | undefined
  error: MeshError | undefined
  stream: UpstreamStream | undefined
  onPiece: (chunk: Buffer) => void = () => {}
  onDrained: () => void = () => {}
  readonly done: Promise<void>
  #resolve: () => void = () => {}
  constructor() {
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }
  onInterim(status: number): void {
    this.interims.push(status)
  }
  onResponseHead(head: ResponseHead, end: boolean): void {
    this.head = head
    if (end) this.#resolve()
  }
  onResponseBody(chunk: Buffer): void {
    this.bodyBytes += chunk.length
    if (this.bodyBytes < 100_000) this.body += chunk.toString('latin1')
    this.onPiece(chunk)
  }
  onResponseEnd(trailers: Fields): void {
    this.trailers = trailers
    this.#resolve()
  }
  onResponseError(error: MeshError): void {
    assert.equal(this.error, undefined)
    this.error = error
    this.#resolve()
  }
  onRequestDrain(): void {
    this.onDrained()
  }
}

/** A dialled connection and what became of it. */
class Client {
  readonly connection: Promise<Http1ClientConnection>
  readonly closed: Promise<void>
  idleCount = 0
  error: MeshError | undefined
  readonly counters = http1Counters()
  constructor(port: number, wheel = new TimerWheel(new TurnedClock(1_000)), host = '127.0.0.1') {
    let onClosed = (): void => {}
    this.closed = new Promise((resolve) => {
      onClosed = resolve
    })
    this.connection = new Promise((resolve) => {
      http1Dialer(wheel, this.counters)(host, port, 1_000, {
        onConnection: resolve,
        onDialFailed: (error) => {
          this.error = error
          onClosed()
        },
        onIdle: () => {
          this.idleCount++
        },
        onClosed,
      })
    })
  }
  async send(change: Partial<RequestHead> = {}, end = true): Promise<Heard> {
    const heard = new Heard()
    const connection = await this.connection
    heard.stream = connection.send(requestHead(change), end, heard)
    return heard
  }
}

async function listening<S extends Server>(server: S): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const http = (listener: RequestListener) => listening(createHttpServer(listener))

/** A server that answers whatever it reads first with these octets. */
const scripted = (answer: string, end = false) =>
  listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.once('data', () => (end ? socket.end(answer, 'latin1') : socket.write(answer, 'latin1')))
    }),
  )

test('a connection carries one exchange after the other', async () => {
  await using server = await http((request, response) => response.end(request.url))
  const client = new Client(server.port)
  for (const path of ['/1', '/2', '/3']) {
    const heard = await client.send({ path })
    await heard.done
    assert.equal(heard.body, path)
    assert.equal(heard.head?.status, 200)
  }
  const connection = await client.connection
  assert.equal(client.idleCount, 3)
  assert.equal(connection.canReuse, true)
  assert.equal(connection.keepAliveMs, 5_000)
  connection.destroy()
  await client.closed
})

test('each answer begins with a short read: a caller that takes nothing makes us hold no more; full ones follow', async () => {
  await using server = await http((_, response) => response.end(Buffer.alloc(4_000_000)))
  const client = new Client(server.port)
  for (let answer = 0; answer < 2; answer++) {
    const heard = await client.send()
    let first = 0
    let most = 0
    heard.onPiece = ({ length }) => {
      if (first === 0) {
        first = length
        heard.stream?.pause()
        setTimeout(() => heard.stream?.resume(), 50) // the rest is there by then
      }
      most = Math.max(most, length)
    }
    await heard.done
    assert.equal(heard.bodyBytes, 4_000_000)
    assert(first <= 8_192, `the first piece has ${first} octets`)
    assert(most > 8_192, `the longest has ${most}`)
  }
  ;(await client.connection).destroy()
})

test('a connection that was closed is not used again, from that moment on', async () => {
  await using server = await http((request, response) => response.end(request.url))
  const client = new Client(server.port)
  await (await client.send()).done
  const connection = await client.connection
  connection.destroy()
  assert.deepEqual([connection.isIdle, connection.canReuse], [true, false])
  await client.closed
  assert.equal(connection.canReuse, false)
})

test('a dial that is over leaves no timer behind', async () => {
  await using server = await http((_, response) => response.end())
  const wheel = new TimerWheel(new TurnedClock(1_000))
  const good = new Client(server.port, wheel)
  const bad = new Client(1, wheel)
  assert.equal(wheel.size, 2)
  const connection = await good.connection
  await bad.closed
  assert.equal(bad.error?.code, 'connect-failure')
  assert.equal(wheel.size, 0)
  connection.destroy()
})

test('the application sees host, fields and framing as the head says', async () => {
  await using server = await http(async (request, response) => {
    const body = (await request.toArray()).join('')
    response.end(JSON.stringify([request.method, request.rawHeaders, body, request.rawTrailers]))
  })
  const client = new Client(server.port)
  const known = await client.send(
    { method: 'PUT', bodyLength: 5, fields: ['content-length', '5', 'x', '1', 'x', '2'] },
    false,
  )
  known.stream?.sendBody(Buffer.from('hel'))
  known.stream?.sendBody(Buffer.from('lo'))
  known.stream?.sendEnd(NO_FIELDS)
  await known.done
  assert.deepEqual(JSON.parse(known.body), [
    'PUT',
    ['host', 'orders', 'x', '1', 'x', '2', 'content-length', '5'],
    'hello',
    [],
  ])
  const unknown = await client.send({ method: 'POST', bodyLength: -1, fields: ['te', 'trailers'] }, false)
  unknown.stream?.sendBody(Buffer.from('hello'))
  unknown.stream?.sendEnd(['x-sum', '1'])
  await unknown.done
  assert.deepEqual(JSON.parse(unknown.body), [
    'POST',
    ['host', 'orders', 'te', 'trailers', 'transfer-encoding', 'chunked'],
    'hello',
    ['x-sum', '1'],
  ])
  const none = await client.send({ method: 'POST' })
  await none.done
  assert.deepEqual(JSON.parse(none.body), ['POST', ['host', 'orders', 'content-length', '0'], '', []])
  ;(await client.connection).destroy()
})

test('trailers and interim responses arrive', async () => {
  await using server = await http((_, response) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' })
    response.writeHead(200, { trailer: 'x-sum' })
    response.write('a')
    response.addTrailers({ 'x-sum': '7' })
    response.end('b')
  })
  const client = new Client(server.port)
  const heard = await client.send()
  await heard.done
  assert.deepEqual([heard.interims, heard.body, heard.trailers], [[103], 'ab', ['x-sum', '7']])
  ;(await client.connection).destroy()
})

const ODD: readonly (readonly [string, string, boolean, Partial<Heard>])[] = [
  ['a response cut short by length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', true, { body: 'abc' }],
  [
    'a response cut short in a chunk',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc',
    true,
    { body: 'abc' },
  ],
  [
    'a response without its last chunk',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
    true,
    { body: 'abc' },
  ],
  ['a head cut short', 'HTTP/1.1 200 OK\r\ncontent-le', true, {}],
  ['nothing', '', true, {}],
]
for (const [name, answer, end] of ODD) {
  test(`a premature end is an error, never a clean end: ${name}`, async () => {
    await using server = await scripted(answer, end)
    const client = new Client(server.port)
    const heard = await client.send()
    await heard.done
    assert.equal(heard.error?.code, 'reset')
    assert.equal(heard.trailers, undefined)
    await client.closed
    assert.equal(client.idleCount, 0)
  })
}

test('a response that breaks the protocol is a protocol error and costs the connection', async () => {
  await using server = await scripted('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\nx')
  const client = new Client(server.port)
  const heard = await client.send()
  await heard.done
  assert.equal(heard.error?.code, 'protocol-error')
  await client.closed
})

const NOT_REUSED: readonly (readonly [string, string])[] = [
  ['octets after it', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n'],
  ['Connection: close', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx'],
  ['HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx'],
]
for (const [name, answer] of NOT_REUSED) {
  test(`a good response after which the connection is not used again: ${name}`, async () => {
    await using server = await scripted(answer)
    const client = new Client(server.port)
    const heard = await client.send()
    await heard.done
    assert.deepEqual([heard.error, heard.body, heard.trailers], [undefined, 'x', []])
    await client.closed
    assert.equal(client.idleCount, 0)
  })
}

test('a body until the end of the connection ends there', async () => {
  await using server = await scripted('HTTP/1.1 200 OK\r\n\r\nall of it', true)
  const client = new Client(server.port)
  const heard = await client.send()
  await heard.done
  assert.deepEqual([heard.body, heard.head?.bodyLength, heard.trailers], ['all of it', -1, []])
  await client.closed
})

test('octets that come without a request cost the connection', async () => {
  await using server = await listening(createServer((socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n')))
  const client = new Client(server.port)
  const connection = await client.connection
  await client.closed
  assert.equal(connection.canReuse, false)
})

test('an idle connection that the application closes is not used again', async () => {
  const sockets: Socket[] = []
  await using server = await listening(createServer((socket) => sockets.push(socket)))
  const client = new Client(server.port)
  const connection = await client.connection
  while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve))
  sockets[0]?.end()
  await client.closed
  assert.equal(connection.canReuse, false)
})

test('a final response before the request is complete is heard, and the connection not used again', async () => {
  await using server = await scripted('HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n')
  const client = new Client(server.port)
  const heard = await client.send({ method: 'POST', bodyLength: 1_000_000 }, false)
  heard.stream?.sendBody(Buffer.alloc(1_000))
  await heard.done
  assert.equal(heard.head?.status, 413)
  assert.equal(heard.stream?.sendBody(Buffer.alloc(1_000)), true)
  heard.stream?.sendEnd(NO_FIELDS)
  await client.closed
  assert.equal(client.idleCount, 0)
})

test('a connection lost before anything was written says that nothing was processed', async () => {
  await using server = await listening(createServer(() => {}))
  const client = new Client(server.port)
  const connection = await client.connection
  const heard = new Heard()
  connection.send(requestHead({ method: 'POST', bodyLength: -1 }), false, heard)
  connection.destroy()
  await heard.done
  assert.equal(heard.error?.code, 'refused')
})

test('a connection that cannot be made is a connect failure', async () => {
  const server = await listening(createServer())
  await server[Symbol.asyncDispose]()
  const client = new Client(server.port)
  await client.closed
  assert.equal(client.error?.code, 'connect-failure')
})

test('a connection that is not made in time is a connect failure, and is told once', async () => {
  const clock = new TurnedClock(1_000)
  const wheel = new TimerWheel(clock)
  const client = new Client(9, wheel, '203.0.113.1')
  clock.turn(1_100)
  await client.closed
  assert.equal(client.error?.code, 'connect-failure')
  assert.equal(wheel.size, 0)
})

test('a cancelled try hears nothing more and closes its connection', async () => {
  await using server = await http((_, response) => setImmediate(() => response.end('late')))
  const client = new Client(server.port)
  const heard = await client.send()
  heard.stream?.cancel()
  await client.closed
  assert.deepEqual([heard.head, heard.error], [undefined, undefined])
})

test('a late call of a finished try does not touch the next', async () => {
  await using server = await http((request, response) => response.end(request.url))
  const client = new Client(server.port)
  const first = await client.send({ path: '/1' })
  await first.done
  const second = await client.send({ path: '/2' })
  first.stream?.cancel()
  first.stream?.pause()
  first.stream?.sendBody(Buffer.from('evil'))
  await second.done
  assert.equal(second.body, '/2')
  ;(await client.connection).destroy()
})

test('a body that does not fit its length is refused, and no more of it is sent', async () => {
  await using server = await http((request) => request.resume())
  for (const body of ['hello', 'h']) {
    const client = new Client(server.port)
    const heard = await client.send({ method: 'POST', bodyLength: 2 }, false)
    heard.stream?.sendBody(Buffer.from(body))
    heard.stream?.sendEnd(NO_FIELDS)
    await heard.done
    assert.equal(heard.error?.code, 'bad-request')
    await client.closed
  }
})

test('an upgrade carries octets both ways', async () => {
  const server = createHttpServer()
  server.on('upgrade', (_request, socket, early) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n')
    socket.write(early)
    socket.on('data', (chunk: Buffer) => socket.write(chunk))
    socket.on('end', () => socket.end())
  })
  await using bound = await listening(server)
  const client = new Client(bound.port)
  const heard = await client.send({ upgrade: 'websocket', bodyLength: -1 }, false)
  heard.onPiece = () => {
    if (heard.body === 'echo') heard.stream?.sendEnd(NO_FIELDS)
  }
  heard.stream?.sendBody(Buffer.from('echo'))
  await heard.done
  assert.deepEqual([heard.head?.status, heard.body, heard.trailers], [101, 'echo', []])
  await client.closed
})

/** A server that writes down all that it is told, and answers the first of it so. */
async function noting(answer: string) {
  const told: string[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', () => setTimeout(() => socket.write(answer), 30)) // what should not come has come by then
    socket.on('data', (chunk: Buffer) => told.push(chunk.toString('latin1')))
    socket.on('end', () => socket.end())
  })
  return { told, ...(await listening(server)) }
}

test('what a caller says before its upgrade is granted waits, then comes first, and the caller goes on', async () => {
  await using server = await noting(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  )
  const client = new Client(server.port)
  const heard = await client.send({ upgrade: 'websocket', bodyLength: -1 }, false)
  heard.onDrained = () => {
    assert.equal(heard.head?.status, 101)
    assert.equal(server.told.join('').endsWith('\r\n\r\n'), true, 'only the head was told before')
    heard.stream?.sendBody(Buffer.from(' last'))
    heard.stream?.sendEnd(NO_FIELDS)
  }
  assert.equal(heard.stream?.sendBody(Buffer.from('first')), false)
  assert.equal(heard.stream?.sendBody(Buffer.from(' second')), false)
  await heard.done
  await client.closed
  assert.equal(server.told.join('').split('\r\n\r\n')[1], 'first second last')
})

test('an application that ignores an upgrade never hears what the caller said for the tunnel, nor another request', async () => {
  await using server = await noting('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno')
  const client = new Client(server.port)
  const heard = await client.send({ upgrade: 'websocket', bodyLength: -1 }, false)
  assert.equal(heard.stream?.sendBody(Buffer.from('GET /admin HTTP/1.1\r\nhost: a\r\n\r\n')), false)
  heard.stream?.sendEnd(NO_FIELDS)
  await heard.done
  await client.closed
  assert.deepEqual([heard.body, client.idleCount], ['no', 0])
  assert.equal(server.told.join('').indexOf('\r\n\r\n'), server.told.join('').length - 4, 'one head and nothing more')
})

test('five megabytes go both ways past a slow application and a slow caller, with bounded memory', async () => {
  const total = 5 * 1024 * 1024
  const sockets: Socket[] = []
  const server = createHttpServer((request, response) => {
    sockets.push(request.socket)
    request.on('data', (chunk: Buffer) => {
      if (response.write(chunk)) return
      request.pause()
      response.once('drain', () => request.resume())
    })
    request.on('end', () => response.end())
  })
  await using bound = await listening(server)
  const client = new Client(bound.port)
  const heard = await client.send({ method: 'POST', bodyLength: total }, false)
  const piece = Buffer.alloc(64 * 1024, 0x63)
  let sent = 0
  let refusedCount = 0
  const send = (): void => {
    while (sent < total) {
      sent += piece.length
      if (heard.stream?.sendBody(piece) === false) {
        refusedCount++
        return
      }
    }
    heard.stream?.sendEnd(NO_FIELDS)
  }
  heard.onDrained = send
  heard.onPiece = () => {
    heard.stream?.pause()
    setImmediate(() => heard.stream?.resume())
  }
  send()
  await heard.done
  assert.equal(heard.error, undefined)
  assert.equal(heard.bodyBytes, total)
  assert(refusedCount > 0)
  assert(LIMITS.unsentHighWaterBytes < total)
  assert.equal((await client.connection).canReuse, true)
  ;(await client.connection).destroy()
})

const INTERIMS = 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(LIMITS.interimResponseCount + 1)
const COUNTED: readonly [Http1Limit, string][] = [
  ['strayOctets', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nxHTTP/1.1 200 OK\r\n\r\n'],
  ['interimFlood', INTERIMS],
  ['conflictingFraming', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['malformedChunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n 1\r\nx\r\n0\r\n\r\n'],
  ['headTooLarge', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(LIMITS.headerListBytes)}\r\n\r\n`],
  ['truncated', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx'],
]
for (const [limit, answer] of COUNTED) {
  test(`an odd answer of an application is counted: ${limit}`, async () => {
    await using server = await scripted(answer, true)
    const client = new Client(server.port)
    const heard = await client.send()
    await heard.done
    await client.closed
    const struck = Object.entries(client.counters).filter(([, count]) => count > 0)
    assert.deepEqual(struck, [[limit, 1]])
    assert.equal(client.idleCount, 0)
  })
}
