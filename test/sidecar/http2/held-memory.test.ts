import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { LINK_SETTINGS } from '../../../sidecar/http2/http2-settings.ts'
import { LOOK_MS } from '../../../sidecar/http2/peer-patience.ts'
import {
  block,
  data,
  END_HEADERS,
  frame,
  framesOf,
  GET_BLOCK,
  headers,
  POST_BLOCK,
  pair,
  reset,
  type SeenRequest,
  SeenResponse,
  settings,
  settle,
  startedServer,
  type TestEnd,
  windowUpdate,
} from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

const PIECE = Buffer.alloc(64 * 1024)
const OK = { status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }
const ZERO_WINDOW: [number, number] = [4, 0]
const codesOf = ({ errors }: SeenRequest): string[] => errors.map(({ code }) => code)

/** A server whose peer asked for `count` answers and takes nothing of them. */
function asked(count: number): TestEnd {
  const server = startedServer()
  server.connection.receive(settings(ZERO_WINDOW))
  for (let i = 0; i < count; i++) server.connection.receive(headers(2 * i + 1, GET_BLOCK))
  for (const { stream } of server.requests) stream.sendHead(OK, false)
  return server
}

test('one slow reader may hold as much as the high water, and then the source is stopped', () => {
  const [seen] = asked(1).requests
  let bytes = 0
  while (seen?.stream.sendBody(PIECE)) bytes += PIECE.length
  assert.equal(bytes, LIMITS.unsentHighWaterBytes)
})

test('while the peer reads nothing and a MiB waits for it no answer may be asked for; all hear when it reads, once', () => {
  const server = startedServer()
  server.connection.receive(windowUpdate(0, 100_000_000))
  server.connection.receive(settings([4, 1_000_000]))
  for (let i = 0; i < 4; i++) server.connection.receive(headers(2 * i + 1, GET_BLOCK))
  const [reader, early, late, never] = server.requests as [SeenRequest, SeenRequest, SeenRequest, SeenRequest]
  server.connection.setWritable(false)
  reader.stream.sendHead(OK, false)
  assert.equal(early.stream.takesAnswer(), true, 'little waits')
  for (let bytes = 0; bytes <= 1024 * 1024; bytes += PIECE.length) reader.stream.sendBody(PIECE)
  assert.equal(late.stream.takesAnswer(), false)
  assert.equal(never.stream.takesAnswer(), false)
  server.connection.receive(reset(7, 8))
  server.connection.setWritable(true)
  assert.deepEqual([early.drains, late.drains, never.drains], [0, 1, 0])
  assert.equal(late.stream.takesAnswer(), true)
  server.connection.setWritable(false)
  server.connection.setWritable(true)
  assert.equal(late.drains, 1)
})

test('many slow readers on one connection may hold less each, and those that read go on', () => {
  const count = Math.ceil(LIMITS.connectionUnsentBytes / LIMITS.unsentHighWaterBytes) + 1
  const server = asked(count + 1)
  const last = server.requests[count] as SeenRequest
  for (const { stream } of server.requests.slice(0, count)) while (stream.sendBody(PIECE));
  assert.equal(last.stream.sendBody(PIECE), false, 'one piece is more than it may hold now')
  assert.deepEqual(codesOf(last), [])
  server.connection.receive(windowUpdate(2 * count + 1, 1_000_000))
  server.connection.takeOutput()
  assert.equal(last.drains, 1, 'it reads, so its source goes on')
  assert.equal(last.stream.sendBody(PIECE.subarray(0, 100)), true)
})

test('an answer that adds to far too much unread is given up; the connection, and what is small, go on', () => {
  const most = Math.ceil((6 * LIMITS.connectionUnsentBytes) / PIECE.length)
  const server = asked(most + 5)
  for (const { stream } of server.requests) stream.sendBody(PIECE)
  const given = server.requests.filter((seen) => codesOf(seen)[0] === 'timeout')
  assert(given.length >= 3 && given.length <= 8, `${given.length} were given up`)
  assert.equal(server.counters.unsentOverflow, given.length)
  assert.deepEqual(server.closed, [])
  const before = server.requests.length
  server.connection.receive(headers(9_001, GET_BLOCK))
  assert.equal(server.requests.length, before + 1, 'there is room again, if little')
})

test('a peer that goes on so is cut off: answers that it makes us give up are counted as its stream errors', () => {
  const most = Math.ceil((6 * LIMITS.connectionUnsentBytes) / PIECE.length)
  const server = asked(most + LIMITS.provokedResetBurstCount + 60)
  for (const { stream } of server.requests) stream.sendBody(PIECE)
  assert.equal(server.counters.provokedReset, 1)
  assert.equal(server.closed.length, 1)
  assert.equal(server.connection.openStreamCount, 0)
})

test('what is given back by resets, from either side, is room again', () => {
  const server = asked(400)
  for (let round = 0; round < 3; round++) {
    for (const { stream } of server.requests.slice(round * 100, round * 100 + 100)) {
      assert.equal(stream.sendBody(PIECE.subarray(0, 15_000)), true, `round ${round}`)
    }
    for (const { stream } of server.requests.slice(round * 100, round * 100 + 100)) {
      stream.reset({ code: 'cancelled', detail: '' })
    }
  }
  const [seen] = server.requests.slice(-1) as [SeenRequest]
  let bytes = 0
  while (seen.stream.sendBody(PIECE)) bytes += PIECE.length
  assert.equal(bytes, LIMITS.unsentHighWaterBytes, 'nothing else waits')
})

test('a drip of window does not pin memory: with too much unread, a stream must take 16 KiB in half a minute', () => {
  const count = Math.ceil(LIMITS.connectionUnsentBytes / LIMITS.unsentHighWaterBytes) + 1
  const server = asked(count)
  for (const { stream } of server.requests) while (stream.sendBody(PIECE));
  const looks = LIMITS.tightStallMs / LOOK_MS
  for (let i = 0; i < looks; i++) {
    assert.equal(server.counters.stalledStream, 0, `look ${i}`)
    for (let k = 0; k < 5; k++) server.connection.receive(windowUpdate(1, 1))
    server.connection.takeOutput()
    server.connection.look()
  }
  assert.equal(server.counters.stalledStream, count)
  assert.deepEqual(server.requests.flatMap(codesOf), Array(count).fill('timeout'))
})

test('the heads of requests in flight are held, too: past the limit, requests are refused until some are over', () => {
  const server = startedServer()
  const fields = Array.from({ length: 15 }, (_, i) => [`x-${i}`, 'y'.repeat(5_000)]).flat()
  const long = block(':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/', ...fields)
  const bytes = long.length
  const send = (id: number): void => {
    const first = frame(1, 1, id, long.subarray(0, 16_384))
    const rest = [1, 2, 3, 4].map((i) =>
      frame(9, i === 4 ? END_HEADERS : 0, id, long.subarray(i * 16_384, (i + 1) * 16_384)),
    )
    server.connection.receive(Buffer.concat([first, ...rest]))
  }
  let count = 0
  for (; server.counters.refusedStream === 0; count++) {
    assert(count < 300)
    send(2 * count + 1)
  }
  assert(Math.abs(count * bytes - LIMITS.linkRequestHeadBytes) < 4 * bytes, `${count} heads of ${bytes} octets`)
  for (const { stream } of server.requests) stream.reset({ code: 'cancelled', detail: '' })
  send(2 * count + 1)
  assert.equal(server.counters.refusedStream, 1)
})

/** Window that the server has given stream `id` in all that it said. */
const given = (server: TestEnd, id: number): number =>
  framesOf(server.connection.takeOutput())
    .filter(({ type, streamId }) => type === 8 && streamId === id)
    .reduce((sum, { payload }) => sum + payload.readUInt32BE(0), 0)

test('the window of a stream grows while its bytes are taken, up to a limit, and not beyond what there is for all', () => {
  const server = startedServer({
    streamWindowBytes: 10_000,
    streamWindowMostBytes: 40_000,
    connectionWindowBytes: 100_000,
  })
  const windows = [1, 3, 5].map((id) => {
    server.connection.receive(headers(id, POST_BLOCK, END_HEADERS))
    let window = 10_000
    for (let round = 0; round < 40; round++) {
      server.connection.receive(data(id, 'x'.repeat(5_000)))
      window += given(server, id) - 5_000
    }
    return window
  })
  // Some octets are never given back yet: less than half a window.
  assert(windows[0] !== undefined && windows[0] > 20_000 && windows[0] <= 40_000, `${windows}`)
  assert(windows[1] !== undefined && windows[1] > 15_000 && windows[1] <= 30_000, `50,000 are for growth: ${windows}`)
  assert(windows[2] !== undefined && windows[2] <= 10_000, `nothing is left to grow: ${windows}`)
  server.connection.receive(data(1, '', 1))
  server.requests[0]?.stream.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
  let window = windows[2]
  for (let round = 0; round < 10; round++) {
    server.connection.receive(data(5, 'x'.repeat(5_000)))
    window += given(server, 5) - 5_000
  }
  assert(window > 15_000, `what the first one had is free again: ${window}`)
})

test('the window of a stream that nobody reads does not grow', () => {
  const server = startedServer({ streamWindowBytes: 10_000 })
  server.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  server.requests[0]?.stream.pause()
  server.connection.receive(data(1, 'x'.repeat(10_000)))
  assert.equal(given(server, 1), 0)
})

test('slow readers of answers do not clog a link for those under way; what is new goes elsewhere once they hold a window', () => {
  const { client, server } = pair()
  server.onSeen = ({ stream }) => {
    stream.sendHead(OK, false)
    stream.sendBody(PIECE)
  }
  const first = new SeenResponse()
  client.connection.openStream(requestHead({}), true, first)
  settle(client, server)
  let count = 0
  for (; client.connection.canOpenStream; count++) {
    client.connection.openStream(requestHead({}), true, new SeenResponse())?.pause()
    settle(client, server)
  }
  assert.equal(count, LINK_SETTINGS.connectionWindowBytes / PIECE.length)
  for (let i = 0; i < 40; i++) {
    server.requests[0]?.stream.sendBody(PIECE)
    settle(client, server)
  }
  assert.equal(first.bodyBytes, 41 * PIECE.length, 'who reads has it all')
})

test('all that slow readers of a link can hold is given back to its window', () => {
  const most = LINK_SETTINGS.streamCount * LINK_SETTINGS.streamWindowBytes + LINK_SETTINGS.connectionWindowBytes / 2
  assert(most < LINK_SETTINGS.connectionWindowBytes + LINK_SETTINGS.heldAnswerBytes)
})
