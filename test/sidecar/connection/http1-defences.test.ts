import assert from 'node:assert/strict'
import { connect } from 'node:net'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import type { Http1Limit } from '../../../sidecar/http1/http1-counters.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { eventually, GET, serve, talk } from './http1-server-bench.ts'

const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\nhost: a\r\n${fields}\r\n${body}`
const CHUNKED = 'transfer-encoding: chunked\r\n'
const many = (count: number): string => Array.from({ length: count }, (_, i) => `x-${i}: y\r\n`).join('')

/** What comes, and the one defence that strikes. */
const REFUSED: readonly [Http1Limit, string, string][] = [
  ['headTooLarge', 'fields of 70 KiB', GET('/', `x: ${'y'.repeat(70_000)}\r\n`)],
  ['headTooLarge', 'fields whose overhead is too much', GET('/', `x: ${'y'.repeat(64_000)}\r\n${many(60)}`)],
  ['tooManyFields', 'a field too many', GET('/', many(LIMITS.headerCount))],
  ['tooManyFields', 'a trailer too many', post(CHUNKED, `0\r\n${many(LIMITS.headerCount + 1)}\r\n`)],
  ['targetTooLong', 'a long target', GET(`/${'x'.repeat(20_000)}`)],
  ['malformedHead', 'a bare LF', 'GET / HTTP/1.1\nhost: a\n\n'],
  ['malformedHead', 'folding', GET('/', 'x: y\r\n z\r\n')],
  ['malformedHead', 'a space before the colon', GET('/', 'x : y\r\n')],
  ['malformedHead', 'no request line', 'hello\r\n\r\n'],
  ['invalidHost', 'no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['invalidHost', 'two hosts', GET('/', 'host: b\r\n')],
  ['invalidHost', 'a host that is none', 'GET / HTTP/1.1\r\nhost: a/b\r\n\r\n'],
  ['conflictingFraming', 'CL.TE', post(`content-length: 6\r\n${CHUNKED}`, '0\r\n\r\nG')],
  ['conflictingFraming', 'TE.CL', post(`${CHUNKED}content-length: 6\r\n`, '0\r\n\r\nG')],
  ['invalidLength', 'two lengths', post('content-length: 1\r\ncontent-length: 1\r\n', 'x')],
  ['invalidLength', 'a signed length', post('content-length: +1\r\n', 'x')],
  ['invalidCoding', 'TE.TE', post('transfer-encoding: xchunked\r\n')],
  ['invalidCoding', 'chunked twice', post(`${CHUNKED}${CHUNKED}`)],
  ['malformedChunk', 'a size with 0x', post(CHUNKED, '0x5\r\nhello\r\n0\r\n\r\n')],
  ['malformedChunk', 'more than the size says', post(CHUNKED, '2\r\nhello\r\n0\r\n\r\n')],
  ['malformedChunk', 'a size past 2^53', post(CHUNKED, `${'f'.repeat(17)}\r\n`)],
  ['chunkExtensions', 'extensions without end', post(CHUNKED, `1;${'x'.repeat(LIMITS.chunkExtensionBytes + 1)}\r\n`)],
  ['tunnelWithBody', 'CONNECT with a length', 'CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\ncontent-length: 1\r\n\r\nx'],
  ['unservedDemand', 'an expectation', post('expect: more\r\n')],
  ['unservedDemand', 'HTTP/2.0', 'GET / HTTP/2.0\r\nhost: a\r\n\r\n'],
]
for (const [limit, what, octets] of REFUSED) {
  test(`${what} costs the connection and counts ${limit}`, async () => {
    await using bench = await serve(() => {})
    await talk(bench.port, octets + GET('/smuggled'))
    const struck = Object.entries(bench.counters).filter(([, count]) => count > 0)
    assert.deepEqual(struck, [[limit, 1]])
    assert.equal(bench.seen.filter(({ head }) => head.path === '/smuggled').length, 0)
  })
}

test('a slow head, a slow body and an answer that is not taken are counted', async () => {
  const clock = new TurnedClock(1_000)
  const piece = Buffer.alloc(64 * 1024)
  await using bench = await serve((seen) => {
    if (seen.head.method === 'POST') return
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: -1 }, false)
    const send = (): void => {
      while (seen.stream.sendBody(piece));
    }
    seen.onDrained = send
    send()
  }, clock)
  const head = talk(bench.port, 'GET / HT')
  const body = talk(bench.port, post('content-length: 90000\r\n', 'abc'))
  const reader = connect(bench.port, '127.0.0.1')
  reader.on('error', () => {})
  reader.pause()
  reader.write(GET('/'))
  await eventually(
    () => bench.sockets.length === 3 && bench.seen.length === 2 && bench.seen.some((s) => s.bodyBytes === 3),
  )
  await eventually(() => bench.sockets.some((socket) => socket.bytesRead === 8))
  clock.turn(LIMITS.headTimeoutMs + 100)
  await head
  assert.equal(bench.counters.slowHead, 1)
  // The kernel takes much; what it has not taken after that, nobody reads.
  let last = -1
  await eventually(() => {
    const taken = bench.sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0)
    const isSame = taken === last
    last = taken
    return isSame && bench.sockets.some((socket) => socket.writableLength > 0)
  })
  for (let i = 0; i < 4; i++) clock.turn(LIMITS.idleConnectionMs)
  await body
  await eventually(() => bench.counters.unreadAnswer === 1)
  assert.equal(bench.counters.stalledBody, 1)
  reader.destroy()
})

test('pipelining behind a request that is not answered stops the reading, and is counted', async () => {
  await using bench = await serve(() => {})
  const socket = connect(bench.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(GET('/').repeat(100_000))
  await eventually(() => bench.counters.pipelining === 1)
  assert.equal(bench.seen.length, 1)
  socket.destroy()
})

test('a body that nobody reads is counted when it costs the connection', async () => {
  await using bench = await serve((seen) => seen.answer('no', 413))
  await talk(bench.port, post('content-length: 1000000\r\n'))
  await talk(bench.port, post(CHUNKED, `400\r\n${'x'.repeat(1024)}\r\n`.repeat(66)))
  assert.equal(bench.counters.unwantedBody, 2)
})

test('one connection has its share of a turn, and the others come first', async () => {
  const order: string[] = []
  await using bench = await serve((seen) => {
    order.push(seen.head.path)
    seen.answer('')
  })
  const greedy = talk(bench.port, GET('/greedy').repeat(1_000) + GET('/end', 'connection: close\r\n'))
  const modest = talk(bench.port, GET('/modest', 'connection: close\r\n'))
  await Promise.all([greedy, modest])
  assert.equal(bench.seen.length, 1_002, 'nothing is lost')
  assert.equal(order.filter((path) => path !== '/modest').at(-1), '/end', 'and all in order')
  assert(bench.counters.heldBack > 1_000 / LIMITS.requestsPerTurnCount / 2, `${bench.counters.heldBack}`)
  assert(order.indexOf('/modest') < 500, `the other one came at ${order.indexOf('/modest')}`)
})

test('chunks of one octet have their share, too, and the body is whole', async () => {
  await using bench = await serve((seen) => {
    seen.onEnded = () => seen.answer(String(seen.bodyBytes))
  })
  const answer = await talk(
    bench.port,
    post(`connection: close\r\n${CHUNKED}`, `${'1\r\nx\r\n'.repeat(5_000)}0\r\n\r\n`),
  )
  assert.match(answer, /5000$/)
  assert(bench.counters.heldBack > 5)
})

test('a caller that ended its side behind many requests gets all its answers', async () => {
  await using bench = await serve((seen) => seen.answer(''))
  const answer = await talk(bench.port, GET('/').repeat(500), true)
  assert.equal(answer.split('HTTP/1.1 200').length - 1, 500)
})
