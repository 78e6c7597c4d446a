import assert from 'node:assert/strict'
import test from 'ava'
import { pair, SeenResponse, settle, type TestEnd } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const FEW = { resetBurstCount: 10, resetsPerSecond: 10, streamCount: 1_000 }
const get = requestHead({})

/** Opens `count` streams that the server has heard of, and gives them all up. */
function openAndCancel(client: TestEnd, server: TestEnd, count: number): SeenResponse[] {
  const responses = Array.from({ length: count }, () => new SeenResponse())
  const streams = responses.map((response) => client.connection.openStream(get, true, response))
  settle(client, server)
  for (const stream of streams) stream?.cancel()
  settle(client, server)
  return responses
}

const cancelledCount = (server: TestEnd): number => server.requests.filter(({ errors }) => errors.length > 0).length

test('more callers that give up than the peer takes resets of: the rest are told later, the link lives', () => {
  const clock = new TurnedClock()
  const { client, server } = pair(FEW, FEW, clock)
  openAndCancel(client, server, 50)
  assert.deepEqual(server.closed, [])
  assert.equal(cancelledCount(server), 8)
  assert.equal(client.connection.openStreamCount, 42, 'what the peer does not know yet counts as open')
  for (let seconds = 0; seconds < 10; seconds++) {
    clock.turn(1_000)
    client.connection.look()
    settle(client, server)
  }
  assert.equal(cancelledCount(server), 50)
  assert.equal(client.connection.openStreamCount, 0)
  assert.equal(server.connection.openStreamCount, 0)
  assert.deepEqual(server.closed, [])
  assert.equal(server.counters.rapidReset, 0)
})

test('an answer to what was given up, and not said yet, reaches nobody and ends the stream', () => {
  const { client, server } = pair(FEW, FEW, new TurnedClock())
  const responses = openAndCancel(client, server, 20)
  for (const { stream, errors } of server.requests) {
    if (errors.length > 0) continue
    stream.sendHead({ status: 200, fields: [], bodyLength: 2 }, false)
    stream.sendBody(Buffer.from('ok'))
    stream.sendEnd([])
  }
  settle(client, server)
  assert.equal(client.connection.openStreamCount, 0)
  assert.deepEqual(
    responses.flatMap(({ head, errors }) => [...(head === undefined ? [] : [head]), ...errors]),
    [],
  )
})

test('a peer that goes away ends what was given up and not said', () => {
  const { client, server } = pair(FEW, FEW, new TurnedClock())
  openAndCancel(client, server, 20)
  server.connection.goAway()
  for (const { stream, errors } of server.requests)
    if (errors.length === 0) stream.sendHead({ status: 200, fields: [], bodyLength: 0 }, true)
  settle(client, server)
  assert.equal(client.drained, 1)
})
