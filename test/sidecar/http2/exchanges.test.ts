import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import {
  data,
  END_HEADERS,
  GET_BLOCK,
  headers,
  POST_BLOCK,
  pair,
  type SeenRequest,
  SeenResponse,
  settle,
  startedServer,
  TestEnd,
} from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

const codes = (seen: { errors: { code: string }[] }): string[] => seen.errors.map((error) => error.code)

function answer(seen: SeenRequest, body: string, trailers: readonly string[] = NO_FIELDS): void {
  seen.stream.sendHead({ status: 200, fields: ['x-a', 'b'], bodyLength: UNKNOWN_LENGTH }, false)
  seen.stream.sendBody(Buffer.from(body))
  seen.stream.sendEnd(trailers)
}

test('a request and its response arrive as they were sent, with interim response and trailers both ways', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  const head = requestHead({
    method: 'POST',
    path: '/p?q=1',
    fields: ['accept', '*/*', 'te', 'trailers', 'cookie', 'a=b'],
    bodyLength: UNKNOWN_LENGTH,
    expectsContinue: true,
  })
  const stream = client.connection.openStream(head, false, response, ['traceparent', 't'])
  settle(client, server)
  const seen = server.requests[0]
  assert(stream !== undefined && seen !== undefined)
  assert.deepEqual(seen.head, { ...head, fields: [...head.fields, 'traceparent', 't'] })
  seen.stream.sendInterim(100, NO_FIELDS)
  settle(client, server)
  assert.deepEqual(response.interims, [100])
  stream.sendBody(Buffer.from('body'))
  stream.sendEnd(['x-sum', '1'])
  settle(client, server)
  assert.deepEqual([seen.body, seen.isEnded, seen.trailers], ['body', true, ['x-sum', '1']])
  answer(seen, 'hello', ['grpc-status', '0'])
  settle(client, server)
  assert.deepEqual(response.head, { status: 200, fields: ['x-a', 'b'], bodyLength: UNKNOWN_LENGTH })
  assert.deepEqual([response.body, response.isEnded, response.trailers], ['hello', true, ['grpc-status', '0']])
  assert.deepEqual([client.connection.openStreamCount, server.connection.openStreamCount], [0, 0])
})

test('cookie crumbs arrive as one field, in the place of the first', () => {
  const { client, server } = pair()
  client.connection.openStream(
    requestHead({ fields: ['cookie', 'a=b', 'x', 'y', 'cookie', 'c=d'] }),
    true,
    new SeenResponse(),
  )
  settle(client, server)
  assert.deepEqual(server.requests[0]?.head.fields, ['cookie', 'a=b; c=d', 'x', 'y'])
})

test('empty cookie crumbs leave no blank at an end, which would be malformed', () => {
  for (const [crumbs, joined] of [
    [['a=b', ''], 'a=b'],
    [['', 'a=b'], 'a=b'],
    [['a=b', '', 'c=d'], 'a=b; c=d'],
    [['', ''], ''],
  ] as const) {
    const { client, server } = pair()
    const head = requestHead({ fields: crumbs.flatMap((crumb) => ['cookie', crumb]) })
    client.connection.openStream(head, true, new SeenResponse())
    settle(client, server)
    assert.deepEqual(server.requests[0]?.head.fields, ['cookie', joined])
  }
})

test('the same head again is the same object at the other end, and a body and its end are one frame', () => {
  const { client, server } = pair()
  server.onSeen = (seen) => answer(seen, 'x')
  const head = requestHead({ fields: ['accept', '*/*', 'x-tenant', 'blue'] })
  for (let i = 0; i < 4; i++) {
    client.connection.openStream(head, true, new SeenResponse())
    settle(client, server)
  }
  assert.equal(server.requests[2]?.head, server.requests[3]?.head)
  client.connection.openStream(head, true, new SeenResponse())
  const asked = client.connection.takeOutput()
  assert(asked.length <= 9 + 6, `${asked.length} octets`)
  server.connection.receive(asked)
  assert.deepEqual(server.said(), ['headers 9', 'data 9'])
})

test('an end is put on the last frame only where that is the same stream’s', () => {
  const { client, server } = pair()
  const streams = [1, 2].map(() =>
    client.connection.openStream(requestHead({ bodyLength: UNKNOWN_LENGTH }), false, new SeenResponse()),
  )
  for (const stream of streams) stream?.sendBody(Buffer.from('x'))
  streams[0]?.sendEnd(NO_FIELDS)
  settle(client, server)
  assert.deepEqual(
    server.requests.map((seen) => seen.isEnded),
    [true, false],
  )
})

test('a websocket travels as Extended CONNECT and comes out as the upgrade that it was (RFC 8441)', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  const head = requestHead({
    upgrade: 'websocket',
    bodyLength: UNKNOWN_LENGTH,
    fields: ['sec-websocket-version', '13'],
  })
  const stream = client.connection.openStream(head, false, response)
  settle(client, server)
  const seen = server.requests[0]
  assert(seen !== undefined && stream !== undefined)
  assert.deepEqual(seen.head, head)
  seen.stream.sendHead({ status: 101, fields: NO_FIELDS, bodyLength: UNKNOWN_LENGTH }, false)
  seen.stream.sendBody(Buffer.from('frames'))
  stream.sendBody(Buffer.from('masked'))
  settle(client, server)
  assert.deepEqual([response.head?.status, response.body, seen.body], [101, 'frames', 'masked'])
})

test('CONNECT carries bytes both ways, and a refusal is an ordinary response', () => {
  const { client, server } = pair()
  const head = requestHead({ method: 'CONNECT', authority: 'db:5432', path: 'db:5432', bodyLength: UNKNOWN_LENGTH })
  const responses = [new SeenResponse(), new SeenResponse()]
  for (const response of responses) client.connection.openStream(head, false, response)
  settle(client, server)
  assert.deepEqual(server.requests[0]?.head, head)
  server.requests[0]?.stream.sendHead({ status: 200, fields: NO_FIELDS, bodyLength: UNKNOWN_LENGTH }, false)
  server.requests[0]?.stream.sendBody(Buffer.from('bytes'))
  server.requests[1]?.stream.sendHead({ status: 503, fields: ['content-length', '0'], bodyLength: 0 }, true)
  settle(client, server)
  assert.deepEqual([responses[0]?.head?.status, responses[0]?.body, responses[0]?.isEnded], [200, 'bytes', false])
  assert.deepEqual([responses[1]?.head?.status, responses[1]?.isEnded], [503, true])
})

test('a head longer than a frame goes on in CONTINUATION frames', () => {
  const { client, server } = pair()
  const fields = Array.from({ length: 40 }, (_, i) => [`x-${i}`, String(i).repeat(500)]).flat()
  client.connection.openStream(requestHead({ fields }), true, new SeenResponse(), ['x-last', '1'])
  settle(client, server)
  assert.deepEqual(server.requests[0]?.head.fields, [...fields, 'x-last', '1'])
})

test('reset and cancel reach the other end with what it may conclude, once', () => {
  const { client, server } = pair()
  const responses = Array.from({ length: 4 }, () => new SeenResponse())
  const streams = responses.map((response) =>
    client.connection.openStream(requestHead({ bodyLength: UNKNOWN_LENGTH }), false, response),
  )
  settle(client, server)
  server.requests[0]?.stream.reset(meshError('refused', ''))
  server.requests[1]?.stream.reset(meshError('reset', ''))
  streams[2]?.cancel()
  streams[2]?.cancel()
  settle(client, server)
  assert.deepEqual(responses.map(codes), [['refused'], ['reset'], [], []])
  assert.deepEqual(server.requests.map(codes), [[], [], ['cancelled'], []])
  client.connection.close(meshError('reset', 'the socket is gone'))
  server.connection.close(meshError('cancelled', 'the socket is gone'))
  assert.deepEqual(codes(responses[3] as SeenResponse), ['reset'])
  assert.deepEqual(server.requests.map(codes), [[], [], ['cancelled'], ['cancelled']])
  assert.equal(client.connection.openStreamCount + server.connection.openStreamCount, 0)
})

test('calls after the end are ignored', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  const stream = client.connection.openStream(requestHead(), true, response)
  settle(client, server)
  const seen = server.requests[0] as SeenRequest
  answer(seen, 'x')
  seen.stream.sendHead({ status: 500, fields: [], bodyLength: 0 }, true)
  seen.stream.sendBody(Buffer.from('y'))
  seen.stream.sendEnd(NO_FIELDS)
  seen.stream.reset(meshError('reset', ''))
  stream?.sendBody(Buffer.from('y'))
  settle(client, server)
  stream?.cancel()
  assert.deepEqual([response.head?.status, response.body, codes(response)], [200, 'x', []])
  assert.equal(client.connection.takeOutput().length, 0)
})

test('a server drains in two steps: what is under way is served, then nothing new, then the end', () => {
  const { client, server } = pair()
  const first = new SeenResponse()
  client.connection.openStream(requestHead(), true, first)
  settle(client, server)
  server.connection.goAway()
  const words = server.connection.takeOutput()
  const late = new SeenResponse()
  client.connection.openStream(requestHead(), true, late) // sent before the GOAWAY arrives
  client.connection.receive(words)
  assert.equal(client.connection.canOpenStream, false)
  settle(client, server)
  assert.equal(server.requests.length, 2)
  assert.equal(server.drained, 0)
  for (const seen of server.requests) answer(seen, 'done')
  settle(client, server)
  assert.deepEqual([first.body, late.body, server.drained, client.drained, client.goAways], ['done', 'done', 1, 1, 2])
})

test('streams that are opened after the last GOAWAY are not served and not answered, and the table stays in step', () => {
  const server = startedServer()
  server.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  server.connection.finishGoAway()
  assert.deepEqual(server.said(), ['goAway 0 noError', 'ping 0', 'goAway 0 noError'])
  const inserting = Buffer.concat([GET_BLOCK, Buffer.from('40017801 79'.replace(' ', ''), 'hex')])
  for (const id of [3, 5]) server.connection.receive(headers(id, inserting))
  assert.deepEqual([server.requests.length, server.said()], [1, []])
  server.connection.receive(data(1, 'still here'))
  server.connection.receive(headers(1, Buffer.from('be', 'hex')))
  assert.deepEqual([server.requests[0]?.body, server.requests[0]?.trailers], ['still here', ['x', 'y']])
})

test('a client that leaves finishes what it has', () => {
  const { client, server } = pair()
  const response = new SeenResponse()
  client.connection.openStream(requestHead(), true, response)
  client.connection.goAway()
  assert.equal(client.connection.openStream(requestHead(), true, response), undefined)
  settle(client, server)
  assert.equal(client.drained, 0)
  answer(server.requests[0] as SeenRequest, 'x')
  settle(client, server)
  assert.deepEqual([response.body, client.drained], ['x', 1])
})

test('openStream stops at the peer’s limit and goes on when a stream ends', () => {
  const { client, server } = pair({}, { streamCount: 2 })
  const open = (): unknown => client.connection.openStream(requestHead(), true, new SeenResponse())
  assert(open() !== undefined && open() !== undefined)
  assert.equal(open(), undefined)
  settle(client, server)
  answer(server.requests[0] as SeenRequest, 'x')
  settle(client, server)
  assert(open() !== undefined)
})

test('ping is answered, and the owner hears of output once', () => {
  const { client, server } = pair()
  const before = client.outputs
  client.connection.ping()
  client.connection.ping()
  assert.equal(client.outputs, before + 1)
  settle(client, server)
  assert.equal(client.pongs, 2)
})

/** Everything that a client says in a busy life, and what a server made of it. */
function conversation(): Buffer {
  const client = new TestEnd('client')
  const open = (end: boolean, fields: string[]) =>
    client.connection.openStream(
      requestHead({ method: end ? 'GET' : 'POST', fields, bodyLength: end ? 0 : UNKNOWN_LENGTH }),
      end,
      new SeenResponse(),
      ['x-request-id', String(fields.length)],
    )
  for (let i = 0; i < 3; i++) open(true, ['accept', '*/*', 'x-long', 'z'.repeat(100)])
  const first = open(false, ['a', 'b'])
  const second = open(false, [])
  first?.sendBody(Buffer.from('one'))
  second?.sendBody(Buffer.from('two'))
  client.connection.ping()
  first?.sendEnd(['x-t', '1'])
  second?.cancel()
  open(true, [])
  return client.connection.takeOutput()
}

function outcome(chunks: readonly Buffer[]): unknown {
  const server = new TestEnd('server')
  server.onSeen = (seen) => answer(seen, 'ok')
  for (const chunk of chunks) server.connection.receive(Buffer.from(chunk))
  const requests = server.requests.map((seen) => [seen.head, seen.body, seen.isEnded, seen.trailers, codes(seen)])
  return { requests, said: server.said(), closed: server.closed }
}

test('a server makes the same of a conversation wherever it is cut, also into single octets', () => {
  const octets = conversation()
  const whole = outcome([octets])
  assert.equal((whole as { requests: unknown[] }).requests.length, 6)
  for (let at = 1; at < octets.length; at++)
    assert.deepEqual(outcome([octets.subarray(0, at), octets.subarray(at)]), whole)
  assert.deepEqual(outcome([...octets].map((octet) => Buffer.from([octet]))), whole)
})

test('random octets after the preface never throw, and end with no stream open', () => {
  const frames = fc.array(
    fc.record({ type: fc.nat(10), flags: fc.nat(255), streamId: fc.nat(9), payload: fc.uint8Array({ maxLength: 24 }) }),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(frames, (list) => {
      const server = startedServer()
      for (const { type, flags, streamId, payload } of list) {
        const header = Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, streamId])
        server.connection.receive(Buffer.concat([header, payload]))
      }
      server.connection.close(meshError('cancelled', ''))
      assert.equal(server.connection.openStreamCount, 0)
      for (const seen of server.requests) assert(seen.errors.length <= 1)
    }),
    { seed: 3, numRuns: 2_000 },
  )
})

test('a preface cut anywhere is recognised', () => {
  for (let at = 1; at < CLIENT_PREFACE.length; at++) {
    const server = new TestEnd('server')
    server.connection.receive(CLIENT_PREFACE.subarray(0, at))
    server.connection.receive(CLIENT_PREFACE.subarray(at))
    assert.deepEqual(server.closed, [])
  }
})
