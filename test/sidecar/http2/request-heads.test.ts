import assert from 'node:assert/strict'
import test from 'ava'
import type { UpstreamStream } from '../../../sidecar/http/streams.ts'
import { GET_BLOCK, headers, pair, SeenResponse, settle, startedServer } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

test('a client opens no more streams than the peer has room for their heads, and none is refused', () => {
  const { client, server } = pair({ requestHeadBytes: 100_000 }, { requestHeadBytes: 100_000 })
  const streams: UpstreamStream[] = []
  for (let i = 0; i < 1_000; i++) {
    const head = requestHead({
      path: `/${i}`,
      fields: ['x', 'v'.repeat((i * 977) % 5_000)],
      expectsContinue: i % 2 === 0,
    })
    const stream = client.connection.openStream(head, true, new SeenResponse(), ['tracestate', 't'.repeat(400)])
    if (stream === undefined) break
    streams.push(stream)
    settle(client, server)
  }
  assert(streams.length > 10 && streams.length < 100, `${streams.length}`)
  assert.deepEqual([client.connection.canOpenStream, server.counters.refusedStream], [false, 0])
  for (const { stream } of server.requests.slice(0, 10))
    stream.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
  settle(client, server)
  assert.equal(client.connection.canOpenStream, true)
})

test('a stream that is refused for want of room is no fault of the peer: the others on the connection go on', () => {
  const server = startedServer({ requestHeadBytes: 100, provokedResetBurstCount: 10, provokedResetLifeCount: 10 })
  server.connection.receive(headers(1, GET_BLOCK))
  for (let i = 1; i <= 100; i++) {
    server.connection.receive(headers(2 * i + 1, GET_BLOCK))
    server.connection.takeOutput()
  }
  assert.deepEqual([server.closed, server.counters.provokedReset, server.counters.refusedStream > 90], [[], 0, true])
  const [first] = server.requests
  first?.stream.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
  assert.deepEqual(server.said(), ['headers 1'])
})
