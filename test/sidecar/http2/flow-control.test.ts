import assert from 'node:assert/strict'
import test from 'ava'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import type { UpstreamStream } from '../../../sidecar/http/streams.ts'
import { FrameType } from '../../../sidecar/http2/frame/frame-type.ts'
import {
  data,
  END_HEADERS,
  frame,
  framesOf,
  headers,
  POST_BLOCK,
  pair,
  type SeenRequest,
  SeenResponse,
  settle,
  startedServer,
  type TestEnd,
} from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

const SMALL = {
  streamWindowBytes: 10_000,
  streamWindowMostBytes: 10_000,
  connectionWindowBytes: 65_535,
  heldRequestBytes: 65_535,
  heldAnswerBytes: 65_535,
  unsentHighWaterBytes: 20_000,
}
const upload = requestHead({ method: 'POST', bodyLength: UNKNOWN_LENGTH })
const BULK_BYTES = 20 * 1024 * 1024

/** Sends `bytes` bytes as a source that stops when it is told to. Answers the most that was given before it stopped. */
function feed(send: (chunk: Buffer) => boolean, end: () => void, bytes: number): () => void {
  let left = bytes
  const chunk = Buffer.alloc(50_000, 'x')
  return () => {
    while (left > 0) {
      const count = Math.min(left, chunk.length)
      left -= count
      if (!send(chunk.subarray(0, count))) return
    }
    if (left === 0) {
      left = -1
      end()
    }
  }
}

test('20 MB go up and 20 MB come down, at once, through small windows', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  const stream = client.connection.openStream(upload, false, response)
  assert(stream !== undefined)
  const up = feed(
    (chunk) => stream.sendBody(chunk),
    () => stream.sendEnd(NO_FIELDS),
    BULK_BYTES,
  )
  response.onDrained = up
  server.onSeen = (seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
    const down = feed(
      (chunk) => seen.stream.sendBody(chunk),
      () => seen.stream.sendEnd(NO_FIELDS),
      BULK_BYTES,
    )
    seen.onDrained = down
    down()
  }
  up()
  settle(client, server)
  const seen = server.requests[0] as SeenRequest
  assert.deepEqual(
    [seen.bodyBytes, seen.isEnded, response.bodyBytes, response.isEnded],
    [BULK_BYTES, true, BULK_BYTES, true],
  )
  assert(response.drains > 3 && seen.drains > 3, 'the sources were stopped and told to go on')
  assert.deepEqual([client.connection.openStreamCount, server.connection.openStreamCount], [0, 0])
})

test('a paused stream stops its own source, at the window, and nobody else', () => {
  const { client, server } = pair(SMALL, SMALL)
  const slow = client.connection.openStream(upload, false, new SeenResponse())
  settle(client, server)
  const slowSeen = server.requests[0] as SeenRequest
  slowSeen.stream.pause()
  assert.equal(slow?.sendBody(Buffer.alloc(10_000)), true)
  assert.equal(slow?.sendBody(Buffer.alloc(20_000)), true, 'up to the high water mark')
  assert.equal(slow?.sendBody(Buffer.alloc(1)), false)
  settle(client, server)
  assert.equal(slowSeen.bodyBytes, 0, 'nothing is delivered while paused')
  for (let i = 0; i < 30; i++) {
    const other = client.connection.openStream(upload, false, new SeenResponse())
    other?.sendBody(Buffer.alloc(5_000))
    other?.sendEnd(NO_FIELDS)
    settle(client, server)
    assert.deepEqual([server.requests[i + 1]?.bodyBytes, server.requests[i + 1]?.isEnded], [5_000, true])
  }
  slow?.sendEnd(NO_FIELDS)
  slowSeen.stream.resume()
  settle(client, server)
  assert.deepEqual([slowSeen.bodyBytes, slowSeen.isEnded], [30_001, true])
})

test('paused streams that hold more than the window of the connection stop nobody else', () => {
  const { client, server } = pair(SMALL, SMALL)
  server.onSeen = (seen) => seen.stream.pause()
  const slow = Array.from({ length: 10 }, () => client.connection.openStream(upload, false, new SeenResponse()))
  for (const stream of slow) stream?.sendBody(Buffer.alloc(10_000))
  settle(client, server)
  server.onSeen = () => undefined
  const other = client.connection.openStream(upload, false, new SeenResponse())
  other?.sendBody(Buffer.alloc(200_000))
  other?.sendEnd(NO_FIELDS)
  settle(client, server)
  assert.deepEqual([server.requests[10]?.bodyBytes, server.requests[10]?.isEnded], [200_000, true])
  for (const stream of slow) stream?.sendEnd(NO_FIELDS)
  for (const { stream } of server.requests) stream.resume()
  settle(client, server)
  assert.deepEqual(
    server.requests.slice(0, 10).map(({ bodyBytes, isEnded }) => [bodyBytes, isEnded]),
    Array(10).fill([10_000, true]),
  )
})

test('a connection that slow readers have clogged opens no stream until they read on', () => {
  const { client, server } = pair(SMALL, SMALL)
  server.onSeen = (seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
    seen.stream.sendBody(Buffer.alloc(10_000))
    seen.stream.sendEnd(NO_FIELDS)
  }
  const slow: UpstreamStream[] = []
  while (client.connection.canOpenStream) {
    assert(slow.length < 20, 'at most two windows are held')
    const stream = client.connection.openStream(requestHead(), true, new SeenResponse())
    assert(stream !== undefined)
    stream.pause()
    slow.push(stream)
    settle(client, server)
  }
  assert(slow.length > 5)
  const toldBefore = client.capacities
  for (const stream of slow) {
    if (client.connection.canOpenStream) break
    stream.resume() // its answer is whole: only what was held of it is let go
  }
  assert.equal(client.connection.canOpenStream, true)
  assert.equal(client.capacities, toldBefore + 1, 'who waits for a stream hears of it')
})

test('a window that slow readers have used to the last octet is not given back as nothing', () => {
  const { client, server } = pair(SMALL, { ...SMALL, streamWindowBytes: 65_535 })
  server.onSeen = (seen) => seen.stream.pause()
  const slow = Array.from({ length: 3 }, () => client.connection.openStream(upload, false, new SeenResponse()))
  for (const stream of slow) stream?.sendBody(Buffer.alloc(60_000))
  settle(client, server)
  assert.deepEqual(server.said(), [], 'nobody was told anything wrong')
  for (const stream of slow) stream?.sendEnd(NO_FIELDS)
  for (const { stream } of server.requests) stream.resume()
  settle(client, server)
  assert.deepEqual(
    server.requests.map(({ bodyBytes }) => bodyBytes),
    [60_000, 60_000, 60_000],
  )
})

test('a sink that pauses while it takes bytes gives no window back until it goes on', () => {
  const server = startedServer(SMALL)
  server.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  const [seen] = server.requests
  assert(seen !== undefined)
  seen.onBody = () => seen.stream.pause()
  server.connection.receive(data(1, 'x'.repeat(6_000)))
  assert.deepEqual(server.said(), [])
  seen.stream.resume()
  assert.deepEqual(server.said(), ['windowUpdate 1'])
})

test('padding is given back to both windows, like the bytes between', () => {
  const server = startedServer({ ...SMALL, connectionWindowBytes: 65_535 })
  server.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  const padded = frame(FrameType.data, 8, 1, Buffer.concat([Buffer.of(255), Buffer.from('x'), Buffer.alloc(255)]))
  const given = new Map<number, number>()
  for (let i = 0; i < 1_000; i++) {
    server.connection.receive(padded)
    for (const { type, streamId, payload } of framesOf(server.connection.takeOutput())) {
      assert.equal(type, FrameType.windowUpdate)
      given.set(streamId, (given.get(streamId) ?? 0) + payload.readUInt32BE(0))
    }
  }
  const sent = 1_000 * 257
  assert.equal(server.requests[0]?.bodyBytes, 1_000)
  assert((given.get(1) ?? 0) > sent - 10_000, `of ${sent} octets the stream got ${given.get(1)} back`)
  assert((given.get(0) ?? 0) > sent - 65_535, `of ${sent} octets the connection got ${given.get(0)} back`)
})

test('what waits for the socket is bounded, while the windows would take more', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  const stream = client.connection.openStream(upload, false, response)
  for (let i = 0; i < 5; i++) stream?.sendBody(Buffer.alloc(200_000))
  assert(client.connection.takeOutput().length < 500_000, 'of a million octets')
  settle(client, server)
})

test('a source that was stopped is told to go on when half of what waited is gone', () => {
  const { client, server } = pair(SMALL, SMALL)
  const response = new SeenResponse()
  const stream = client.connection.openStream(upload, false, response)
  settle(client, server)
  const seen = server.requests[0] as SeenRequest
  seen.stream.pause()
  assert.equal(stream?.sendBody(Buffer.alloc(40_000)), false)
  settle(client, server)
  assert.equal(response.drains, 0)
  seen.stream.resume()
  settle(client, server)
  assert.equal(response.drains, 1)
  assert.equal(seen.bodyBytes, 40_000)
})

test('a sink may pause inside of a delivery, and what follows waits, the end too', () => {
  const { client, server } = pair()
  const stream = client.connection.openStream(upload, false, new SeenResponse())
  settle(client, server)
  const seen = server.requests[0] as SeenRequest
  const deliver = seen.onBody.bind(seen)
  seen.onBody = (chunk) => {
    deliver(chunk)
    seen.stream.pause()
  }
  // Pieces that wait are put together where the block of one has room; these fill theirs.
  for (const letter of ['a', 'b', 'c']) stream?.sendBody(Buffer.alloc(8_192, letter))
  stream?.sendEnd(['x', 'y'])
  settle(client, server)
  const steps = [seen.bodyBytes]
  for (let i = 0; i < 2; i++) {
    seen.stream.resume()
    steps.push(seen.bodyBytes)
  }
  assert.deepEqual(steps, [8_192, 16_384, 24_576])
  assert.equal(seen.isEnded, false)
  seen.stream.resume()
  assert.equal(seen.isEnded, true)
  assert.deepEqual(seen.trailers, ['x', 'y'])
})

test('a server that answers and wants no more of the request loses nothing of its answer', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  const stream = client.connection.openStream(upload, false, response)
  stream?.pause()
  server.onSeen = (seen) => {
    seen.stream.sendHead({ status: 413, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
    seen.stream.sendBody(Buffer.from('too large'))
    seen.stream.sendEnd(NO_FIELDS)
    seen.stream.reset(meshError('bad-request', ''))
  }
  settle(client, server)
  assert.equal(client.connection.openStreamCount, 0)
  assert.equal(stream?.sendBody(Buffer.from('more')), true)
  stream?.resume()
  assert.deepEqual([response.body, response.isEnded, response.errors], ['too large', true, []])
  assert.equal(client.connection.takeOutput().length, 0)
})

test('a stream given up in the middle of a frame hears nothing of the rest', () => {
  const { client, server } = pair()
  const stream = client.connection.openStream(upload, false, new SeenResponse())
  stream?.sendBody(Buffer.alloc(1_000))
  const octets = client.connection.takeOutput()
  server.connection.receive(octets.subarray(0, 600))
  const seen = server.requests[0] as SeenRequest
  const before = seen.bodyBytes
  assert(before > 0)
  seen.stream.reset(meshError('circuit-open', ''))
  server.connection.receive(octets.subarray(600))
  assert.equal(seen.bodyBytes, before)
  assert.deepEqual(server.said(), ['resetStream 1 internalError'])
})

test('a response that is complete on the wire is delivered after the pause, though the stream is closed', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  const stream = client.connection.openStream(requestHead(), true, response)
  stream?.pause()
  server.onSeen = (seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
    seen.stream.sendBody(Buffer.from('late'))
    seen.stream.sendEnd(NO_FIELDS)
  }
  settle(client, server)
  assert.deepEqual([response.body, response.isEnded, client.connection.openStreamCount], ['', false, 0])
  stream?.resume()
  assert.deepEqual([response.body, response.isEnded], ['late', true])
})

test('while the socket takes nothing, bodies wait in their streams and heads stay few', () => {
  const { client, server } = pair({ unsentHighWaterBytes: 1_000 })
  client.connection.setWritable(false)
  const response = new SeenResponse()
  const stream = client.connection.openStream(upload, false, response)
  assert.equal(stream?.sendBody(Buffer.alloc(900)), true)
  assert.equal(stream?.sendBody(Buffer.alloc(200)), false)
  client.connection.setWritable(true)
  assert.equal(response.drains, 1)
  settle(client, server)
  assert.equal(server.requests[0]?.bodyBytes, 1_100)
})

test('a body and its end that waited together leave together', () => {
  const { client, server } = pair({ unsentHighWaterBytes: 1_000 })
  client.connection.setWritable(false)
  const stream = client.connection.openStream(upload, false, new SeenResponse())
  stream?.sendBody(Buffer.from('x'))
  stream?.sendEnd(NO_FIELDS)
  client.connection.setWritable(true)
  assert.deepEqual(client.said(), ['headers 1', 'data 1'])
  settle(client, server)
})

test('long bodies take turns: a short one does not wait for the end of a long one', () => {
  const { client, server } = pair()
  client.connection.setWritable(false)
  const long = client.connection.openStream(upload, false, new SeenResponse())
  const short = client.connection.openStream(upload, false, new SeenResponse())
  for (let i = 0; i < 10; i++) long?.sendBody(Buffer.alloc(100_000))
  short?.sendBody(Buffer.alloc(10))
  client.connection.setWritable(true)
  const said = client.said()
  assert([2, 3, 4].includes(said.indexOf('data 3')), said.join())
  settle(client, server)
})

test('what a paused stream held when it was given up is given back to the connection', () => {
  const { client, server } = pair(SMALL, SMALL)
  server.onSeen = (seen) => seen.stream.pause()
  for (let i = 0; i < 100; i++) {
    const stream = client.connection.openStream(upload, false, new SeenResponse())
    stream?.sendBody(Buffer.alloc(5_000))
    settle(client, server)
    if (i % 2 === 0) stream?.cancel()
    else server.requests[i]?.stream.reset(meshError('refused', ''))
    settle(client, server)
  }
  server.onSeen = (seen) => seen.stream.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
  bulkStillFlows(client, server)
})

test('the windows of a connection that a thousand streams came and went on are whole', () => {
  const { client, server } = pair(SMALL, SMALL)
  server.onSeen = (seen) => {
    seen.stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
    seen.stream.sendBody(Buffer.alloc(3_000))
    seen.stream.sendEnd(NO_FIELDS)
  }
  for (let i = 0; i < 1_000; i++) {
    const response = new SeenResponse()
    const stream = client.connection.openStream(upload, false, response)
    stream?.sendBody(Buffer.alloc(3_000))
    if (i % 3 === 0) stream?.cancel()
    else stream?.sendEnd(NO_FIELDS)
    settle(client, server)
    if (i % 3 !== 0) assert.equal(response.isEnded, true)
  }
  bulkStillFlows(client, server)
})

function bulkStillFlows(client: TestEnd, server: TestEnd): void {
  const last = client.connection.openStream(upload, false, new SeenResponse())
  last?.sendBody(Buffer.alloc(200_000))
  last?.sendEnd(NO_FIELDS)
  settle(client, server)
  assert.equal(server.requests.at(-1)?.bodyBytes, 200_000)
  assert.deepEqual([client.connection.openStreamCount, server.connection.openStreamCount], [0, 0])
}
