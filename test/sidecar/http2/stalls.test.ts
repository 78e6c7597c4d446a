import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import { LOOK_MS } from '../../../sidecar/http2/peer-patience.ts'
import { pair, type SeenRequest, SeenResponse, settle, type TestEnd } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

const LOOKS = LIMITS.streamStallMs / LOOK_MS
const upload = requestHead({ method: 'POST', bodyLength: UNKNOWN_LENGTH })
const OK = { status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }

/** Looks once more than a stalled stream may stay, with `between` after each look. */
function lookOn(server: TestEnd, between: () => void = () => {}): void {
  for (let i = 0; i <= LOOKS; i++) {
    server.connection.look()
    between()
  }
}

function begun(
  head = upload,
  end = false,
): { client: TestEnd; server: TestEnd; seen: SeenRequest; send: (text: string) => void; read: () => void } {
  const { client, server } = pair()
  const response = new SeenResponse()
  const stream = client.connection.openStream(head, end, response)
  settle(client, server)
  return {
    client,
    server,
    seen: server.requests[0] as SeenRequest,
    send: (text) => {
      stream?.sendBody(Buffer.from(text))
      settle(client, server)
    },
    read: () => {
      stream?.resume()
      stream?.pause()
      settle(client, server)
    },
  }
}

const codes = ({ errors }: SeenRequest): string[] => errors.map(({ code }) => code)

test('a body that does not come on, before any answer, is given up', () => {
  const { server, seen, send } = begun()
  send('some')
  lookOn(server)
  assert.deepEqual(codes(seen), ['timeout'])
  assert.deepEqual(server.said(), ['resetStream 1 cancel'])
})

test('a body that comes on, be it an octet at a time, is waited for', () => {
  const { server, seen, send } = begun()
  lookOn(server, () => send('x'))
  assert.deepEqual(codes(seen), [])
})

test('a request without an answer is the application to wait for, not the caller', () => {
  const { server, seen } = begun(requestHead({}), true)
  lookOn(server)
  assert.deepEqual(codes(seen), [])
})

test('once the answer has begun, a request may stay open in silence', () => {
  const { server, seen } = begun()
  seen.stream.sendHead(OK, false)
  lookOn(server)
  assert.deepEqual(codes(seen), [])
})

test('a body that we do not take ourselves is not the fault of the caller', () => {
  const { server, seen } = begun()
  seen.stream.pause()
  lookOn(server)
  assert.deepEqual(codes(seen), [])
})

test('an answer that nobody reads is given up', () => {
  const { client, server, seen, read } = begun(requestHead({}), true)
  read() // pauses: what comes now fills the window
  seen.stream.sendHead(OK, false)
  for (let i = 0; i < 32; i++) seen.stream.sendBody(Buffer.alloc(64 * 1024))
  settle(client, server)
  lookOn(server)
  assert.deepEqual(codes(seen), ['timeout'])
})

test('an answer that is read slowly, but read, goes on', () => {
  const { client, server, seen } = begun(requestHead({}), true)
  seen.stream.sendHead(OK, false)
  while (seen.stream.sendBody(Buffer.alloc(64 * 1024)));
  assert.ok(server.connection.openStreamCount === 1)
  lookOn(server, () => {
    settle(client, server)
    seen.stream.sendBody(Buffer.alloc(600 * 1024))
  })
  assert.deepEqual(codes(seen), [])
})

test('a tunnel may rest for as long as both sides like', () => {
  const { server, seen } = begun(
    requestHead({ method: 'CONNECT', path: '', authority: 'a:1', bodyLength: UNKNOWN_LENGTH }),
  )
  lookOn(server)
  assert.deepEqual(codes(seen), [])
})

for (const end of ['client', 'server'] as const) {
  test(`a ${end} whose write does not end for as long gives the connection up; one that goes on, however slowly, stays`, () => {
    const both = pair()
    const one = both[end]
    one.connection.fallBehind()
    lookOn(one, () => {
      one.connection.takeOutput()
      one.connection.fallBehind()
    })
    assert.deepEqual(one.closed, [])
    lookOn(one)
    assert.deepEqual(
      one.closed.map(({ detail }) => detail),
      ['HTTP/2: what was sent is not read'],
    )
    assert.equal(one.counters.unread, 1)
  })
}

test('a connection that has nothing to say may be silent for ever', () => {
  const { server } = pair()
  lookOn(server)
  assert.deepEqual(server.closed, [])
})
