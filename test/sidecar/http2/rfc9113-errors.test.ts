import assert from 'node:assert/strict'
import test from 'ava'
import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import {
  block,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  GET_BLOCK,
  goAway,
  headers,
  POST_BLOCK,
  reset,
  SeenResponse,
  settings,
  startedClient,
  startedServer,
  TestEnd,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

const GET = [':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/']
const get = (...more: string[]): Buffer => headers(1, block(...GET, ...more))
const post = headers(1, POST_BLOCK, END_HEADERS)

// section and fault, what the client sends, what the server answers
const TO_SERVER: [string, Buffer[], string][] = [
  ['4.2: a frame over the limit', [frame(0, 0, 1, Buffer.alloc(16_385))], 'goAway 0 frameSizeError'],
  ['4.3: a header block that cannot be decoded', [headers(1, Buffer.from('ff', 'hex'))], 'goAway 0 compressionError'],
  ['4.3: a frame inside a header block', [headers(1, GET_BLOCK, 0), data(1, '')], 'goAway 0 protocolError'],
  ['4.3: another stream inside a header block', [headers(1, GET_BLOCK, 0), frame(9, 4, 3)], 'goAway 0 protocolError'],
  ['5.1: DATA on an idle stream', [data(1, 'x')], 'goAway 0 protocolError'],
  ['5.1: RST_STREAM on an idle stream', [reset(1, 8)], 'goAway 0 protocolError'],
  ['5.1: WINDOW_UPDATE on an idle stream', [windowUpdate(1, 1)], 'goAway 0 protocolError'],
  ['5.1: DATA after END_STREAM', [get(), data(1, 'x')], 'resetStream 1 streamClosed'],
  ['5.1: HEADERS after END_STREAM', [get(), get()], 'resetStream 1 streamClosed'],
  ['5.1.1: a stream with an even id', [headers(2, GET_BLOCK)], 'goAway 0 protocolError'],
  ['5.1.1: a lower id than before', [headers(5, GET_BLOCK), headers(3, GET_BLOCK)], 'goAway 0 protocolError'],
  ['5.1: HEADERS on a stream that was reset', [post, reset(1, 8), get()], 'goAway 0 streamClosed'],
  ['RFC 7540 5.3.1: a stream that depends on itself', [frame(2, 0, 1, '8000000110')], 'goAway 0 protocolError'],
  [
    'RFC 7540 5.3.1: HEADERS of a stream that depends on itself',
    [frame(1, 0x25, 1, Buffer.concat([Buffer.from('0000000110', 'hex'), GET_BLOCK]))],
    'goAway 0 protocolError',
  ],
  ['6.1: DATA on stream 0', [frame(0, 0, 0, '00')], 'goAway 0 protocolError'],
  ['6.1: padding as long as the frame', [post, frame(0, 8, 1, '0500000000')], 'goAway 0 protocolError'],
  ['6.2: HEADERS on stream 0', [headers(0, GET_BLOCK)], 'goAway 0 protocolError'],
  ['6.2: padding past the frame', [frame(1, 0xc, 1, 'ff82')], 'goAway 0 protocolError'],
  ['6.3: PRIORITY of another length', [frame(2, 0, 1, '00')], 'goAway 0 frameSizeError'],
  ['6.4: RST_STREAM on stream 0', [reset(0, 8)], 'goAway 0 protocolError'],
  ['6.4: RST_STREAM of another length', [frame(3, 0, 1, '00')], 'goAway 0 frameSizeError'],
  ['6.5: SETTINGS on a stream', [frame(4, 0, 1)], 'goAway 0 protocolError'],
  ['6.5: SETTINGS of a broken length', [frame(4, 0, 0, '00')], 'goAway 0 frameSizeError'],
  ['6.5: an acknowledgement with a payload', [frame(4, 1, 0, '000000000000')], 'goAway 0 frameSizeError'],
  ['6.5.2: ENABLE_PUSH of 2', [settings([2, 2])], 'goAway 0 protocolError'],
  ['6.5.2: a window over 2^31 − 1', [settings([4, 2 ** 31])], 'goAway 0 flowControlError'],
  ['6.5.2: a frame size under 16,384', [settings([5, 16_383])], 'goAway 0 protocolError'],
  ['6.5.2: a frame size over 2^24 − 1', [settings([5, 2 ** 24])], 'goAway 0 protocolError'],
  ['6.6: PUSH_PROMISE', [frame(5, 4, 1, uint32(2))], 'goAway 0 protocolError'],
  ['6.7: PING on a stream', [frame(6, 0, 1, Buffer.alloc(8))], 'goAway 0 protocolError'],
  ['6.7: PING of another length', [frame(6, 0, 0, '00')], 'goAway 0 frameSizeError'],
  ['6.8: GOAWAY on a stream', [frame(7, 0, 1, Buffer.alloc(8))], 'goAway 0 protocolError'],
  ['6.9: WINDOW_UPDATE of 0 on the connection', [windowUpdate(0, 0)], 'goAway 0 protocolError'],
  ['6.9: WINDOW_UPDATE of 0 on a stream', [post, windowUpdate(1, 0)], 'resetStream 1 protocolError'],
  ['6.9: WINDOW_UPDATE of another length', [frame(8, 0, 0, '00')], 'goAway 0 frameSizeError'],
  ['6.9.1: a window of the connection over 2^31 − 1', [windowUpdate(0, 2 ** 31 - 1)], 'goAway 0 flowControlError'],
  ['6.9.1: a window of a stream over 2^31 − 1', [post, windowUpdate(1, 2 ** 31 - 1)], 'resetStream 1 flowControlError'],
  [
    '6.9.2: a change of SETTINGS_INITIAL_WINDOW_SIZE that takes a window over 2^31 − 1',
    [post, windowUpdate(1, 2 ** 31 - 1 - 65_535), settings([4, 65_536])],
    'goAway 0 flowControlError',
  ],
  ['6.10: CONTINUATION without HEADERS', [frame(9, 4, 1)], 'goAway 0 protocolError'],
  [
    '8.1: trailers that do not end the stream',
    [post, headers(1, block('a', 'b'), END_HEADERS)],
    'resetStream 1 protocolError',
  ],
  ['8.1: trailers with a pseudo-field', [post, headers(1, block(':path', '/'))], 'resetStream 1 protocolError'],
  [
    '8.1.1: a body shorter than content-length',
    [headers(1, block(...GET, 'content-length', '4'), END_HEADERS), data(1, 'abc', END_STREAM)],
    'resetStream 1 protocolError',
  ],
  [
    '8.1.1: a body longer than content-length',
    [headers(1, block(...GET, 'content-length', '2'), END_HEADERS), data(1, 'abc')],
    'resetStream 1 protocolError',
  ],
  ['8.1.1: no body where content-length promised one', [get('content-length', '4')], 'resetStream 1 protocolError'],
  [
    '8.1.1: two values of content-length',
    [get('content-length', '0', 'content-length', '0')],
    'resetStream 1 protocolError',
  ],
  ['8.1.1: a content-length of other characters', [get('content-length', '+0')], 'resetStream 1 protocolError'],
  ['8.2.1: a name in upper case', [get('X-a', 'b')], 'resetStream 1 protocolError'],
  ['8.2.1: an empty name', [get('', 'b')], 'resetStream 1 protocolError'],
  ['8.2.1: a name with a space', [get('a b', 'c')], 'resetStream 1 protocolError'],
  ['8.2.1: a name with a colon', [get('a:b', 'c')], 'resetStream 1 protocolError'],
  ['8.2.1: a value with CR', [get('a', 'b\rc')], 'resetStream 1 protocolError'],
  ['8.2.1: a value with LF', [get('a', 'b\nc')], 'resetStream 1 protocolError'],
  ['8.2.1: a value with NUL', [get('a', 'b\0c')], 'resetStream 1 protocolError'],
  ['8.2.1: a value that begins with a space', [get('a', ' b')], 'resetStream 1 protocolError'],
  ['8.2.1: a value that ends with a tab', [get('a', 'b\t')], 'resetStream 1 protocolError'],
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map(
    (name): [string, Buffer[], string] => [`8.2.2: ${name}`, [get(name, 'x')], 'resetStream 1 protocolError'],
  ),
  ['8.2.2: te other than trailers', [get('te', 'gzip')], 'resetStream 1 protocolError'],
  ['8.3: an unknown pseudo-field', [get(':x', 'y')], 'resetStream 1 protocolError'],
  ['8.3: a pseudo-field of responses', [get(':status', '200')], 'resetStream 1 protocolError'],
  ['8.3: a pseudo-field after a regular one', [headers(1, block('a', 'b', ...GET))], 'resetStream 1 protocolError'],
  ['8.3: a pseudo-field twice', [headers(1, block(...GET, ':path', '/'))], 'resetStream 1 protocolError'],
  [
    '8.3: a pseudo-field twice in a run of indexes, before literals',
    [headers(1, Buffer.concat([Buffer.from('828284', 'hex'), block(':authority', 'a', ':scheme', 'http')]))],
    'resetStream 1 protocolError',
  ],
  ['8.3.1: no :method', [headers(1, block(...GET.slice(2)))], 'resetStream 1 protocolError'],
  ['8.3.1: no :scheme', [headers(1, block(':method', 'GET', ':path', '/'))], 'resetStream 1 protocolError'],
  ['8.3.1: no :path', [headers(1, block(...GET.slice(0, 6)))], 'resetStream 1 protocolError'],
  ['8.3.1: an empty :path', [headers(1, block(...GET.slice(0, 6), ':path', ''))], 'resetStream 1 protocolError'],
  [
    '8.3.1: a :path with a space (H2.CL request smuggling)',
    [headers(1, block(...GET.slice(0, 6), ':path', '/ HTTP/1.1'))],
    'resetStream 1 protocolError',
  ],
  [
    '8.3.1: a :method with a space',
    [headers(1, block(':method', 'GET /', ...GET.slice(2)))],
    'resetStream 1 protocolError',
  ],
  [
    '8.3.1: an :authority with userinfo',
    [headers(1, block(':method', 'GET', ':scheme', 'http', ':authority', 'u@a', ':path', '/'))],
    'resetStream 1 protocolError',
  ],
  ['8.3.1: a host that differs from :authority', [get('host', 'b')], 'resetStream 1 protocolError'],
  ['8.3.1: two hosts', [get('host', 'a', 'host', 'a')], 'resetStream 1 protocolError'],
  [
    '8.5: CONNECT with :path',
    [headers(1, block(':method', 'CONNECT', ':authority', 'a:1', ':path', '/'), END_HEADERS)],
    'resetStream 1 protocolError',
  ],
  [
    '8.5: CONNECT without :authority',
    [headers(1, block(':method', 'CONNECT'), END_HEADERS)],
    'resetStream 1 protocolError',
  ],
  ['RFC 8441: :protocol without CONNECT', [get(':protocol', 'websocket')], 'resetStream 1 protocolError'],
]

for (const [name, octets, answer] of TO_SERVER) {
  test(`a server answers ${name} with ${answer}`, () => {
    const server = startedServer()
    server.connection.receive(Buffer.concat(octets))
    const said = server.said()
    assert.equal(said.at(-1), answer, said.join())
    assert.equal(server.closed.length, answer.startsWith('goAway') ? 1 : 0)
    // Every request that was begun hears exactly one error, unless it was complete and nothing was wrong with it.
    for (const request of server.requests) assert(request.errors.length <= 1)
    assert.equal(server.connection.openStreamCount, answer.startsWith('goAway') ? 0 : server.connection.openStreamCount)
    if (answer.startsWith('resetStream')) assert.equal(server.connection.openStreamCount, 0)
  })
}

test('a server wants the preface first, then SETTINGS', () => {
  const noPreface = new TestEnd('server')
  noPreface.connection.receive(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  assert.equal(noPreface.said().at(-1), 'goAway 0 protocolError')
  const noSettings = new TestEnd('server')
  noSettings.connection.receive(Buffer.concat([CLIENT_PREFACE, headers(1, GET_BLOCK)]))
  assert.equal(noSettings.said().at(-1), 'goAway 0 protocolError')
  assert.equal(noSettings.requests.length, 0)
})

const STATUS = block(':status', '200')
const TO_CLIENT: [string, Buffer[], string][] = [
  ['6.5.2: ENABLE_PUSH of 1', [settings([2, 1])], 'goAway 0 protocolError'],
  ['8.4: PUSH_PROMISE', [frame(5, 4, 1, Buffer.concat([uint32(2), GET_BLOCK]))], 'goAway 0 protocolError'],
  ['5.1.1: HEADERS on a stream that was not opened', [headers(3, STATUS)], 'goAway 0 protocolError'],
  ['8.1: DATA before the head', [data(1, 'x')], 'resetStream 1 protocolError'],
  [
    '8.1: an interim response that ends the stream',
    [headers(1, block(':status', '103'))],
    'resetStream 1 protocolError',
  ],
  ['8.6: 101', [headers(1, block(':status', '101'), END_HEADERS)], 'resetStream 1 protocolError'],
  ['8.3.2: no :status', [headers(1, block('a', 'b'))], 'resetStream 1 protocolError'],
  ['8.3.2: a :status that is no number', [headers(1, block(':status', '2x0'))], 'resetStream 1 protocolError'],
  [
    '8.1.1: less than content-length',
    [headers(1, block(':status', '200', 'content-length', '9'), END_HEADERS), data(1, 'x', END_STREAM)],
    'resetStream 1 protocolError',
  ],
  [
    '8.1: nine interim responses',
    Array(9).fill(headers(1, block(':status', '103'), END_HEADERS)),
    'resetStream 1 protocolError',
  ],
]

for (const [name, octets, answer] of TO_CLIENT) {
  test(`a client answers ${name} with ${answer}, and the try hears protocol-error`, () => {
    const client = startedClient()
    const response = new SeenResponse()
    client.connection.openStream(requestHead(), true, response)
    client.connection.takeOutput()
    client.connection.receive(Buffer.concat(octets))
    assert.equal(client.said().at(-1), answer)
    assert.deepEqual(
      response.errors.map((error) => error.code),
      ['protocol-error'],
    )
    assert.equal(client.connection.openStreamCount, 0)
  })
}

test('a client reads the responses to HEAD, 204 and 304 as without body, whatever content-length says', () => {
  for (const [method, status] of [
    ['HEAD', '200'],
    ['GET', '304'],
    ['GET', '204'],
  ] as const) {
    const client = startedClient()
    const response = new SeenResponse()
    client.connection.openStream(requestHead({ method }), true, response)
    client.connection.receive(headers(1, block(':status', status, 'content-length', '5')))
    assert.equal(response.head?.bodyLength, 0)
    assert.equal(response.isEnded, true)
  }
})

test('a server ignores unknown frames, PRIORITY and unknown settings', () => {
  const server = startedServer()
  server.connection.receive(
    Buffer.concat([
      frame(0x42, 0xff, 7, 'aabb'),
      frame(2, 0, 9, '0000000000'),
      settings([0x99, 1]),
      headers(1, GET_BLOCK),
    ]),
  )
  assert.equal(server.requests.length, 1)
  assert.equal(server.counters.priorityFrames, 2)
  assert.deepEqual(server.closed, [])
})

test('a client that gave a stream up ignores what still comes for it, and stays in step with the table', () => {
  const client = startedClient()
  const gone = new SeenResponse()
  client.connection.openStream(requestHead(), true, gone)?.cancel()
  client.said()
  client.connection.receive(
    Buffer.concat([headers(1, Buffer.from('8840017801 79'.replace(' ', ''), 'hex'), END_HEADERS), data(1, 'late')]),
  )
  const next = new SeenResponse()
  client.connection.openStream(requestHead(), true, next)
  client.connection.receive(headers(3, Buffer.from('88be', 'hex')))
  assert.deepEqual(next.head?.fields, ['x', 'y'])
  assert.deepEqual(gone.errors, [])
  assert.equal(gone.head, undefined)
})

for (const [how, end] of [
  ['END_STREAM', headers(1, STATUS)],
  ['RST_STREAM', reset(1, 8)],
] as const) {
  for (const [what, late] of [
    ['DATA', data(1, 'x')],
    ['HEADERS', headers(1, STATUS)],
  ] as const) {
    test(`5.1: a client answers ${what} after the ${how} of the peer with goAway streamClosed`, () => {
      const client = startedClient()
      client.connection.openStream(requestHead(), true, new SeenResponse())
      client.said()
      client.connection.receive(end)
      assert.deepEqual(client.said(), [])
      client.connection.receive(late)
      assert.deepEqual(client.said(), ['goAway 0 streamClosed'])
    })
  }
}

test('a client that gave up more streams than it remembers takes the late frames of all of them', () => {
  const client = startedClient({ resetBurstCount: 2_000 })
  const streams = Array.from({ length: 90 * 10 }, () => {
    const stream = client.connection.openStream(requestHead(), true, new SeenResponse())
    stream?.cancel()
    return stream
  })
  assert(streams.every((stream) => stream !== undefined))
  client.said()
  for (let id = 1; id < 2 * streams.length; id += 2) {
    client.connection.receive(Buffer.concat([headers(id, STATUS, END_HEADERS), data(id, 'late', END_STREAM)]))
  }
  assert.deepEqual(client.closed, [])
})

test('GOAWAY refuses the streams above its last one, and lets the others end', () => {
  const client = startedClient()
  const responses = [new SeenResponse(), new SeenResponse()]
  for (const response of responses) client.connection.openStream(requestHead(), true, response)
  client.connection.receive(goAway(1, 0))
  assert.deepEqual(
    responses.map((response) => response.errors.map((error) => error.code)),
    [[], ['refused']],
  )
  assert.equal(client.connection.openStream(requestHead(), true, new SeenResponse()), undefined)
  assert.equal(client.drained, 0)
  client.connection.receive(headers(1, STATUS))
  assert.equal(responses[0]?.isEnded, true)
  assert.equal(client.drained, 1)
  assert.equal(client.goAways, 1)
})

test('RST_STREAM tells a try what another one may rely on', () => {
  for (const [code, said] of [
    [7, 'refused'],
    [8, 'reset'],
    [2, 'reset'],
  ] as const) {
    const client = startedClient()
    const response = new SeenResponse()
    client.connection.openStream(requestHead(), true, response)
    client.connection.receive(reset(1, code))
    assert.deepEqual(
      response.errors.map((error) => error.code),
      [said],
    )
    client.connection.receive(headers(1, STATUS))
    assert.equal(response.head, undefined)
  }
})
