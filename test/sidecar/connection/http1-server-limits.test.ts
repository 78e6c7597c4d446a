import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { NO_FIELDS } from '../../../sidecar/http/head.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { eventually, GET, type Seen, serve, talk } from './http1-server-bench.ts'

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

test('a body in chunks that nobody reads costs the connection once it is large', async () => {
  await using bench = await serve((seen) => seen.answer('no', 413))
  const post = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n'
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  const last = `0\r\n\r\n${GET('/', 'connection: close\r\n')}`
  const small = await talk(bench.port, post + chunk.repeat(64) + last)
  assert.equal(small.match(/HTTP\/1.1 413/g)?.length, 2)
  const large = await talk(bench.port, post + chunk.repeat(65) + last)
  assert.equal(large.match(/HTTP\/1.1 413/g)?.length, 1)
})

test('a large body that nobody wants is not waited for', async () => {
  await using bench = await serve((seen) => seen.answer('no', 413))
  const answer = await talk(bench.port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n')
  assert.match(answer, /^HTTP\/1.1 413 /)
})

test('requests behind one that is being answered are read up to a limit', async () => {
  await using bench = await serve(() => {})
  const requests = Buffer.from(GET('/').repeat(400_000))
  const socket = connect(bench.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(requests)
  await eventually(() => (bench.sockets[0]?.isPaused() ?? false) || bench.sockets[0]?.bytesRead === requests.length)
  assert((bench.sockets[0]?.bytesRead ?? 0) < 1_000_000, `${bench.sockets[0]?.bytesRead} of ${requests.length} octets`)
  assert.equal(bench.seen.length, 1)
  socket.destroy()
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
  const slow = talk(bench.port, 'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000\r\n\r\nabc')
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

test('a caller that does not take the last response is waited for as long as an idle one may be, and no longer', async () => {
  const clock = new TurnedClock(1_000)
  await using bench = await serve((seen) => seen.answer('x'.repeat(30_000_000)), clock)
  const socket = connect(bench.port, '127.0.0.1')
  socket.pause()
  socket.on('error', () => {})
  socket.write(GET('/', 'connection: close\r\n'))
  await eventually(() => bench.seen.length === 1)
  const isGone = (): boolean => bench.sockets[0]?.destroyed === true
  for (let i = 0; i < LIMITS.idleConnectionMs / 1_000 - 1; i++) clock.turn(1_000)
  assert.equal(isGone(), false)
  for (let i = 0; i < 2; i++) clock.turn(1_000)
  assert.equal(isGone(), true)
  socket.destroy()
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

test('a request with a short body begins when all of it is there, and its body comes in time or not at all', async () => {
  const clock = new TurnedClock(1_000)
  await using bench = await serve((seen) => {
    seen.onEnded = () => seen.answer(seen.body)
  }, clock)
  const post = `POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${LIMITS.wholeBodyBytes}\r\n\r\n`
  const socket = connect(bench.port, '127.0.0.1')
  socket.on('error', () => {})
  const read = async (bytes: number): Promise<void> =>
    eventually(() => bench.sockets.some((one) => one.remotePort === socket.localPort && one.bytesRead === bytes))
  socket.write(post)
  await read(post.length)
  for (let count = 1; count < LIMITS.wholeBodyBytes; count += 2_047) {
    socket.write('x'.repeat(count === 1 ? 1 : 2_047))
    await read(post.length + count)
    assert.equal(bench.seen.length, 0, `after ${count} octets`)
  }
  const answer = once(socket, 'data')
  socket.write(`${'x'.repeat(3)}${GET('/next', 'connection: close\r\n')}`)
  await answer
  await eventually(() => bench.seen.length === 2)
  assert.equal(bench.seen[0]?.bodyBytes, LIMITS.wholeBodyBytes)
  assert.equal(bench.seen[1]?.head.path, '/next')
  const never = talk(bench.port, `${post}x`)
  await eventually(() => bench.sockets.at(-1)?.bytesRead === post.length + 1)
  clock.turn(LIMITS.headTimeoutMs + 100)
  assert.match(await never, /^HTTP\/1.1 408 /)
  assert.equal(bench.seen.length, 2)
})

test('a body that is long, or asked for first, or of no length, is not waited for', async () => {
  await using bench = await serve(() => {})
  const post = (fields: string, body: string): string => `POST / HTTP/1.1\r\nhost: a\r\n${fields}\r\n${body}`
  const inputs = [
    post(`content-length: ${LIMITS.wholeBodyBytes + 1}\r\n`, 'x'),
    post('content-length: 9\r\nexpect: 100-continue\r\n', ''),
    post('transfer-encoding: chunked\r\n', '1\r\nx\r\n'),
  ]
  const sockets = inputs.map((octets) => {
    const socket = connect(bench.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(octets)
    return socket
  })
  await eventually(() => bench.seen.length === 3)
  for (const socket of sockets) socket.destroy()
})
