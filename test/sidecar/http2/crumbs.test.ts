import assert from 'node:assert/strict'
import test from 'ava'
import { NO_FIELDS, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { framesOf, headers, POST_BLOCK, pair, SeenResponse, settle, startedServer } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

test('octets that come one at a time leave in few frames, and at once what comes alone', () => {
  const server = startedServer()
  server.connection.receive(Buffer.concat([headers(1, POST_BLOCK), headers(3, POST_BLOCK)]))
  for (const { stream } of server.requests)
    stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
  server.said()
  const piece = Buffer.from('x')
  for (let i = 0; i < 300; i++) for (const { stream } of server.requests) stream.sendBody(piece)
  for (const { stream } of server.requests) stream.sendEnd(NO_FIELDS)
  const frames = framesOf(server.connection.takeOutput())
  assert.equal(frames.length, 4, 'the first octet of each stream, and all the others')
  assert.equal(
    frames.reduce((sum, { payload }) => sum + payload.length, 0),
    600,
  )
  assert.equal(server.connection.takeOutput().length, 0)
  assert.equal(server.connection.openStreamCount, 0)
})

test('a long piece behind short ones comes behind them', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  client.connection.openStream(requestHead({}), true, response)
  settle(client, server)
  const [seen] = server.requests
  seen?.stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
  for (const text of ['a', 'b', 'c'.repeat(5_000), 'd']) seen?.stream.sendBody(Buffer.from(text))
  seen?.stream.sendEnd(['x', 'y'])
  settle(client, server)
  assert.equal(response.bodyBytes, 5_003)
  assert.deepEqual(response.trailers, ['x', 'y'])
})
