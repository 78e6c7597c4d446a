import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import test from 'ava'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS } from '../../../sidecar/http/head.ts'
import type { DownstreamStream } from '../../../sidecar/http/streams.ts'
import { GET, type Seen, serve, talk } from './http1-server-bench.ts'

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

test('interim responses are sent, but not to HTTP/1.0, which knows none', async () => {
  await using bench = await serve((seen) => {
    seen.stream.sendInterim(103, ['link', '</a>'])
    seen.answer('x')
  })
  const newer = await talk(bench.port, GET('/', 'connection: close\r\n'))
  assert.match(newer, /^HTTP\/1.1 103 Early Hints\r\nlink: <\/a>\r\n\r\nHTTP\/1.1 200 OK\r\n/)
  assert.match(await talk(bench.port, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1.1 200 OK\r\n/)
})

test('a switch of protocols that the caller did not ask for never reaches it', async () => {
  await using bench = await serve((seen) => {
    seen.stream.sendHead({ status: 101, fields: [], bodyLength: -1 }, false)
    seen.stream.sendBody(Buffer.from('raw'))
  })
  assert.equal(await talk(bench.port, GET('/')), '')
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

test('100 Continue is said when the exchange wants the body, and once', async () => {
  await using bench = await serve((seen) => {
    seen.stream.sendInterim(100, NO_FIELDS)
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

test('a body that breaks the protocol after its response began breaks the response off: no second head is written', async () => {
  await using bench = await serve((seen) => {
    seen.onPiece = () => {
      seen.stream.sendHead({ status: 200, fields: [], bodyLength: 10 }, false)
      seen.stream.sendBody(Buffer.from('abc'))
    }
  })
  const answer = await talk(bench.port, 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\nzz')
  assert.match(answer, /^HTTP\/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc$/)
  assert.equal(bench.seen[0]?.abortedBy?.code, 'bad-request')
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
  await talk(bench.port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000\r\n\r\nabc', true)
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

test('the timers of closed connections leave the wheel', async () => {
  await using bench = await serve((seen) => seen.answer('x'))
  await talk(bench.port, GET('/', 'connection: close\r\n'))
  while (bench.wheel.size > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(bench.connections[0]?.isIdle, true)
})
