import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { Http1ServerConnection } from '../../../sidecar/connection/http1-server-connection.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { type MeshError, meshError } from '../../../sidecar/core/mesh-errors.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { type Fields, NO_FIELDS, type RequestHead } from '../../../sidecar/http/head.ts'
import type { DownstreamStream, RequestSink } from '../../../sidecar/http/streams.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** One request as the handler saw it. */
class Seen implements RequestSink {
  readonly head: RequestHead
  readonly stream: DownstreamStream
  readonly end: boolean
  body = ''
  bodyBytes = 0
  trailers: Fields | undefined
  abortedBy: MeshError | undefined
  drainCount = 0
  onEnded: () => void = () => {}
  onPiece: (chunk: Buffer) => void = () => {}
  onDrained: () => void = () => {}
  constructor(head: RequestHead, end: boolean, stream: DownstreamStream) {
    this.head = head
    this.end = end
    this.stream = stream
  }
  onBody(chunk: Buffer): void {
    this.bodyBytes += chunk.length
    if (this.bodyBytes < 100_000) this.body += chunk.toString('latin1')
    this.onPiece(chunk)
  }
  onEnd(trailers: Fields): void {
    this.trailers = trailers
    this.onEnded()
  }
  onAbort(error: MeshError): void {
    this.abortedBy = error
    this.onEnded()
  }
  onDrain(): void {
    this.drainCount++
    this.onDrained()
  }
  answer(text: string, status = 200): void {
    const body = Buffer.from(text)
    this.stream.sendHead({ status, fields: ['x-path', this.head.path], bodyLength: body.length }, body.length === 0)
    if (body.length === 0) return
    this.stream.sendBody(body)
    this.stream.sendEnd(NO_FIELDS)
  }
}

interface Bench extends AsyncDisposable {
  readonly port: number
  readonly seen: Seen[]
  readonly connections: Http1ServerConnection<string>[]
  readonly refused: MeshError[]
  readonly wheel: TimerWheel
  readonly sockets: Socket[]
}

async function serve(onRequest: (seen: Seen) => void, clock = new TurnedClock(1_000)): Promise<Bench> {
  const wheel = new TimerWheel(clock)
  const bench = { seen: [] as Seen[], connections: [] as Http1ServerConnection<string>[], refused: [] as MeshError[] }
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket)
    bench.connections.push(
      new Http1ServerConnection(socket, {
        peer: 'peer',
        wheel,
        onRefused: (error) => bench.refused.push(error),
        handler: {
          onRequest(head, end, stream, peer) {
            assert.equal(peer, 'peer')
            const seen = new Seen(head, end, stream)
            bench.seen.push(seen)
            stream.attach(seen)
            onRequest(seen)
          },
        },
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...bench,
    wheel,
    sockets,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const connection of bench.connections) connection.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sends `input` and gives all that comes until the end. */
async function talk(port: number, input: string | Buffer, end = false): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1')
  let answer = ''
  socket.on('data', (text: string) => {
    answer += text
  })
  socket.on('error', () => {})
  socket.write(input)
  if (end) socket.end()
  await once(socket, 'close')
  return answer
}

const GET = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`

test('pipelined requests are answered in order, one at a time', async () => {
  let inFlight = 0
  await using bench = await serve((seen) => {
    assert.equal(++inFlight, 1)
    setImmediate(() => {
      inFlight--
      seen.answer(seen.head.path)
    })
  })
  const answer = await talk(bench.port, GET('/1') + GET('/2') + GET('/3', 'connection: close\r\n'))
  assert.deepEqual(answer.match(/\r\n\r\n(\/\d)/g), ['\r\n\r\n/1', '\r\n\r\n/2', '\r\n\r\n/3'])
  assert.match(answer, /connection: close\r\n\r\n\/3$/)
})

test('requests answered at once, hundreds in one read, do not grow the stack', async () => {
  await using bench = await serve((seen) => seen.answer('x'))
  const answer = await talk(bench.port, `${GET('/').repeat(500)}${GET('/', 'connection: close\r\n')}`)
  assert.equal(answer.match(/HTTP\/1.1 200 OK/g)?.length, 501)
})

test('a caller that ended its side still gets its answers', async () => {
  await using bench = await serve((seen) => setImmediate(() => seen.answer('late')))
  const answer = await talk(bench.port, GET('/1') + GET('/2'), true)
  assert.equal(answer.match(/late/g)?.length, 2)
})

test('head and small body leave in one write', async () => {
  const writes: number[] = []
  await using bench = await serve((seen) => {
    const socket = bench.sockets[0] as Socket
    const write = socket.write
    socket.write = ((...args: Parameters<Socket['write']>) => {
      writes.push(args[0].length)
      return write.apply(socket, args)
    }) as Socket['write']
    seen.answer('hello')
  })
  await talk(bench.port, GET('/', 'connection: close\r\n'))
  assert.equal(writes.length, 1)
})

test('a request to HTTP/1.0 is answered without chunks, and its end is the end of the connection', async () => {
  await using bench = await serve((seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: -1 }, false)
    seen.stream.sendBody(Buffer.from('all'))
    seen.stream.sendEnd(['x-sum', '1'])
  })
  assert.equal(await talk(bench.port, 'GET / HTTP/1.0\r\n\r\n'), 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall')
})

test('a body of unknown length is chunked, with its trailers', async () => {
  await using bench = await serve((seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: -1 }, false)
    seen.stream.sendBody(Buffer.from('all'))
    seen.stream.sendEnd(['x-sum', '1'])
  })
  const answer = await talk(bench.port, GET('/', 'connection: close\r\n'))
  assert.match(answer, /transfer-encoding: chunked\r\nconnection: close\r\n\r\n3\r\nall\r\n0\r\nx-sum: 1\r\n\r\n$/)
})

test('responses to HEAD, 204 and 304 have no body and no coding', async () => {
  await using bench = await serve((seen) => {
    const status = Number(seen.head.path.slice(1))
    seen.stream.sendHead({ status, fields: ['content-length', '5'], bodyLength: 0 }, true)
  })
  const head = 'HEAD /200 HTTP/1.1\r\nhost: a\r\n\r\n'
  const answer = await talk(bench.port, head + GET('/304') + GET('/204', 'connection: close\r\n'))
  assert.equal(
    answer,
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nHTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\nHTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n',
  )
})

test('100 Continue is answered here, once, before the body is asked of anyone', async () => {
  await using bench = await serve((seen) => {
    seen.onEnded = () => {
      seen.stream.sendInterim(100, NO_FIELDS)
      seen.answer(seen.body)
    }
  })
  const socket = connect(bench.port, '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 2\r\n\r\n')
  const [first] = (await once(socket, 'data')) as [Buffer]
  assert.equal(first.toString(), 'HTTP/1.1 100 Continue\r\n\r\n')
  socket.write('ok')
  const [second] = (await once(socket, 'data')) as [Buffer]
  assert.match(second.toString(), /^HTTP\/1.1 200 OK\r\n.*\r\n\r\nok$/s)
  socket.destroy()
})

test('a request that breaks the protocol is answered 400 and the octets after it are never read', async () => {
  await using bench = await serve((seen) => seen.answer('x'))
  const answer = await talk(bench.port, `GET / HTTP/1.1\r\n\r\n${GET('/second')}`)
  assert.match(answer, /^HTTP\/1.1 400 Bad Request\r\n.*x-outrigger-error: bad-request\r\n.*connection: close\r\n/s)
  assert.equal(bench.seen.length, 0)
  assert.deepEqual(
    bench.refused.map((error) => error.code),
    ['bad-request'],
  )
})

test('a body that breaks the protocol aborts the exchange, and is answered 400', async () => {
  await using bench = await serve(() => {})
  const answer = await talk(bench.port, 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz')
  assert.match(answer, /^HTTP\/1.1 400/)
  assert.equal(bench.seen[0]?.abortedBy?.code, 'bad-request')
})

test('a small body that nobody read is read over, a large one costs the connection', async () => {
  await using bench = await serve((seen) => seen.answer('no', 413))
  const post = (bytes: number): string => `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${bytes}\r\n\r\n`
  const small = await talk(bench.port, post(1_000) + 'x'.repeat(1_000) + GET('/', 'connection: close\r\n'))
  assert.equal(small.match(/HTTP\/1.1 413/g)?.length, 2)
  const large = await talk(bench.port, post(1_000_000) + 'x'.repeat(200_000))
  assert.equal(large.match(/HTTP\/1.1 413/g)?.length, 1)
  assert.equal(bench.seen.length, 3)
  assert.equal(bench.seen[2]?.bodyBytes, 0)
})

test('a caller that goes away aborts the exchange', async () => {
  await using bench = await serve(() => {})
  const socket = connect(bench.port, '127.0.0.1')
  socket.write(GET('/'))
  while (bench.seen.length === 0) await new Promise((resolve) => setImmediate(resolve))
  const ended = new Promise<void>((resolve) => {
    ;(bench.seen[0] as Seen).onEnded = resolve
  })
  socket.resetAndDestroy()
  await ended
  assert.equal(bench.seen[0]?.abortedBy?.code, 'cancelled')
})

test('a caller that ends in the middle of a body aborts the exchange', async () => {
  await using bench = await serve(() => {})
  await talk(bench.port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc', true)
  assert.equal(bench.seen[0]?.abortedBy?.code, 'cancelled')
})

test('a response broken off never seems complete', async () => {
  await using bench = await serve((seen) => {
    const isOld = seen.head.authority === ''
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: isOld ? -1 : 10 }, false)
    seen.stream.sendBody(Buffer.from('abc'))
    setImmediate(() => setImmediate(() => seen.stream.reset(meshError('reset', 'gone'))))
  })
  assert.match(await talk(bench.port, GET('/')), /content-length: 10\r\n\r\nabc$/)
  const socket = connect(bench.port, '127.0.0.1')
  socket.write('GET / HTTP/1.0\r\n\r\n')
  socket.resume()
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  assert.equal(error.code, 'ECONNRESET')
})

test('a response longer or shorter than its length is broken off', async () => {
  await using bench = await serve((seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: 4 }, false)
    seen.stream.sendBody(Buffer.from(seen.head.path === '/long' ? 'hello' : 'hi'))
    seen.stream.sendEnd(NO_FIELDS)
  })
  assert.doesNotMatch(await talk(bench.port, GET('/long')), /hello/)
  // What was sent is cut, and seen to be: the connection ends before its length is reached.
  assert.match(await talk(bench.port, GET('/short')), /content-length: 4\r\n\r\nhi$/)
})

test('a response that breaks in the turn of its head still tells its status', async () => {
  await using bench = await serve((seen) => {
    seen.stream.sendHead({ status: 502, fields: [], bodyLength: 4 }, false)
    seen.stream.reset(meshError('reset', 'it broke'))
  })
  assert.match(await talk(bench.port, GET('/')), /^HTTP\/1\.1 502 .*content-length: 4\r\n\r\n$/s)
})

test('a late call of a finished exchange does not touch the next', async () => {
  const streams: DownstreamStream[] = []
  await using bench = await serve((seen) => {
    streams.push(seen.stream)
    if (streams.length === 2) {
      streams[0]?.reset(meshError('timeout', 'late'))
      streams[0]?.sendBody(Buffer.from('evil'))
      streams[0]?.sendEnd(NO_FIELDS)
    }
    seen.answer('good')
  })
  const answer = await talk(bench.port, GET('/1') + GET('/2', 'connection: close\r\n'))
  assert.equal(answer.match(/good/g)?.length, 2)
  assert.doesNotMatch(answer, /evil/)
})

test('drain closes an idle connection at once and a busy one after its response', async () => {
  await using bench = await serve(() => {})
  const idle = connect(bench.port, '127.0.0.1')
  const busy = connect(bench.port, '127.0.0.1')
  busy.write(GET('/'))
  while (bench.connections.length < 2 || bench.seen.length < 1) await new Promise((resolve) => setImmediate(resolve))
  for (const connection of bench.connections) connection.drain()
  idle.resume()
  await once(idle, 'end')
  bench.seen[0]?.answer('last')
  const [answer] = (await once(busy, 'data')) as [Buffer]
  assert.match(answer.toString(), /connection: close\r\n\r\nlast$/)
  await once(busy, 'end')
})

test('a head that does not end in time is answered 408, an idle connection is closed in silence', async () => {
  const clock = new TurnedClock(1_000)
  await using bench = await serve((seen) => seen.answer('x'), clock)
  const slow = talk(bench.port, 'GET / HT')
  const idle = talk(bench.port, GET('/'))
  while (bench.sockets.length < 2 || bench.seen.length < 1) await new Promise((resolve) => setImmediate(resolve))
  while (bench.sockets.reduce((sum, socket) => sum + socket.bytesRead, 0) < 8 + GET('/').length) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  clock.turn(LIMITS.headTimeoutMs + 100)
  assert.match(await slow, /^HTTP\/1.1 408 Request Timeout\r\n/)
  clock.turn(2 * LIMITS.idleConnectionMs)
  assert.match(await idle, /^HTTP\/1.1 200 OK\r\n.*x$/s)
})

test('a body that stops coming is answered 408 once the connection was still for as long as an idle one may be', async () => {
  const clock = new TurnedClock(1_000)
  await using bench = await serve(() => {}, clock)
  const slow = talk(bench.port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc')
  while (bench.seen[0]?.bodyBytes !== 3) await new Promise((resolve) => setImmediate(resolve))
  const abortedBy = (): string | undefined => bench.seen[0]?.abortedBy?.code
  clock.turn(LIMITS.idleConnectionMs + 100)
  assert.equal(abortedBy(), undefined)
  clock.turn(LIMITS.idleConnectionMs + 100)
  assert.equal(abortedBy(), 'request-timeout')
  assert.match(await slow, /^HTTP\/1.1 408 /)
})

test('a reader that takes nothing for as long as an idle connection may be is given up', async () => {
  const clock = new TurnedClock(1_000)
  const piece = Buffer.alloc(64 * 1024)
  await using bench = await serve((seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: -1 }, false)
    while (seen.stream.sendBody(piece));
  }, clock)
  const socket = connect(bench.port, '127.0.0.1')
  socket.pause()
  socket.on('error', () => {})
  socket.write(GET('/'))
  const stuck = (): boolean => (bench.sockets[0]?.writableLength ?? 0) > LIMITS.unsentHighWaterBytes
  while (!stuck()) {
    await new Promise((resolve) => setImmediate(resolve))
    const seen = bench.seen[0]
    if (seen !== undefined && seen.drainCount > 0 && !stuck()) while (seen.stream.sendBody(piece));
  }
  const ended = new Promise<void>((resolve) => {
    ;(bench.seen[0] as Seen).onEnded = resolve
  })
  for (let i = 0; i < 4; i++) clock.turn(LIMITS.idleConnectionMs)
  await ended
  assert.notEqual(bench.seen[0]?.abortedBy, undefined)
  socket.destroy()
})

test('an upgrade granted carries octets both ways until either side ends', async () => {
  await using bench = await serve((seen) => {
    assert.equal(seen.head.upgrade, 'websocket')
    assert.equal(seen.end, false)
    seen.onPiece = (chunk) => seen.stream.sendBody(chunk)
    seen.onEnded = () => seen.stream.sendEnd(NO_FIELDS)
    setImmediate(() =>
      seen.stream.sendHead({ status: 101, fields: ['sec-websocket-accept', 'k'], bodyLength: -1 }, false),
    )
  })
  const upgrade = GET('/chat', 'connection: upgrade\r\nupgrade: websocket\r\n')
  const answer = await talk(bench.port, `${upgrade}#early`, true)
  assert.match(answer, /^HTTP\/1.1 101 Switching Protocols\r\n.*upgrade: websocket\r\n\r\n#early$/s)
})

test('an upgrade that is not granted leaves an ordinary connection', async () => {
  await using bench = await serve((seen) => seen.answer('no', 400))
  const upgrade = GET('/chat', 'connection: upgrade\r\nupgrade: websocket\r\n')
  const answer = await talk(bench.port, upgrade + GET('/', 'connection: close\r\n'))
  assert.equal(answer.match(/HTTP\/1.1 400/g)?.length, 2)
  assert.deepEqual(bench.seen[0]?.trailers, [])
})

test('a reader that does not read stops the response, and the memory held for it stays bounded', async () => {
  const piece = Buffer.alloc(64 * 1024, 0x61)
  const total = 5 * 1024 * 1024
  let sent = 0
  let mostUnsent = 0
  await using bench = await serve((seen) => {
    const send = (): void => {
      while (sent < total) {
        sent += piece.length
        const takesMore = seen.stream.sendBody(piece)
        mostUnsent = Math.max(mostUnsent, bench.sockets[0]?.writableLength ?? 0)
        if (!takesMore) return
      }
      seen.stream.sendEnd(NO_FIELDS)
    }
    seen.onDrained = send
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: total }, false)
    send()
  })
  const socket = connect(bench.port, '127.0.0.1')
  socket.write(GET('/', 'connection: close\r\n'))
  let received = 0
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
    socket.pause()
    setImmediate(() => socket.resume())
  })
  await once(socket, 'end')
  assert(received > total)
  assert(mostUnsent <= LIMITS.unsentHighWaterBytes + 2 * piece.length, `${mostUnsent} octets were held`)
})

test('a paused request body is not read further, and nothing of it is lost', async () => {
  const body = Buffer.alloc(5 * 1024 * 1024, 0x62)
  await using bench = await serve((seen) => {
    seen.onPiece = () => {
      seen.stream.pause()
      setImmediate(() => seen.stream.resume())
    }
    seen.onEnded = () => seen.answer(String(seen.bodyBytes))
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let i = 0; i < 2; i++) {
    const request = httpRequest({ port: bench.port, host: '127.0.0.1', method: 'POST', agent })
    request.end(body)
    const [response] = await once(request, 'response')
    assert.equal((await response.toArray()).join(''), String(body.length))
  }
  assert.equal(bench.connections.length, 1)
  agent.destroy()
})

test('the timers of closed connections leave the wheel', async () => {
  await using bench = await serve((seen) => seen.answer('x'))
  await talk(bench.port, GET('/', 'connection: close\r\n'))
  while (bench.wheel.size > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(bench.connections[0]?.isIdle, true)
})

test('a caller that pipelines and reads nothing is not served without end', async () => {
  await using bench = await serve((seen) => seen.answer('', 204))
  const socket = connect(bench.port, '127.0.0.1')
  socket.pause()
  const requests = Buffer.from(GET(`/${'p'.repeat(1_000)}`).repeat(20_000)) // the path comes back in each answer
  socket.write(requests)
  await eventually(() => bench.seen.length > 1_000)
  let last = -1
  while (bench.seen.length !== last) {
    last = bench.seen.length
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  assert(last < 20_000, 'it stopped in the middle')
  let heard = 0
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1').split('204 No Content').length - 1
  })
  socket.resume()
  await eventually(() => bench.seen.length === 20_000)
  socket.destroy()
  assert(heard > 0)
})

async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}
