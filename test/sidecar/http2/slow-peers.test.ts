import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { LOOK_MS } from '../../../sidecar/http2/peer-patience.ts'
import {
  END_HEADERS,
  frame,
  GET_BLOCK,
  headers,
  POST_BLOCK,
  settings,
  startedServer,
  TestEnd,
} from '../../support/http2-frames.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** The first one comes at any time after it began. */
const MOST_LOOKS = LIMITS.headTimeoutMs / LOOK_MS + 1

test('a header block that does not end in time ends the connection, whatever comes of it meanwhile', () => {
  const clock = new TurnedClock()
  const server = startedServer({}, clock)
  server.connection.receive(headers(1, GET_BLOCK, 0))
  for (let i = 0; i < 4; i++) {
    clock.turn(LIMITS.headTimeoutMs / 5)
    server.connection.receive(frame(9, 0, 1, Buffer.from([0x82])))
  }
  assert.deepEqual(server.closed, [])
  clock.turn(LIMITS.headTimeoutMs / 5)
  assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
  assert.equal(server.counters.headerBlockTimeout, 1)
})

test('a header block that ends in time leaves no timer behind', () => {
  const clock = new TurnedClock()
  const server = startedServer({}, clock)
  for (let id = 1; id < 9; id += 2) {
    server.connection.receive(headers(id, GET_BLOCK, 0))
    clock.turn(LIMITS.headTimeoutMs - 1)
    server.connection.receive(frame(9, END_HEADERS, id))
    clock.turn(LIMITS.headTimeoutMs)
  }
  assert.deepEqual(server.closed, [])
  assert.equal(server.requests.length, 4)
})

test('a frame that does not go on is waited for as long as a head, and no longer', () => {
  const server = startedServer()
  const whole = headers(1, GET_BLOCK)
  server.connection.receive(whole.subarray(0, 12))
  for (let i = 0; i < MOST_LOOKS; i++) {
    assert.deepEqual(server.closed, [], `look ${i}`)
    server.connection.look()
    server.connection.receive(whole.subarray(12 + i, 13 + i)) // a drip is not enough
  }
  server.connection.look()
  assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
  assert.equal(server.counters.slowFrame, 1)
})

test('frames that come in pieces, each in its time, go on for ever', () => {
  const server = startedServer()
  for (let id = 1; id < 99; id += 2) {
    const whole = headers(id, GET_BLOCK)
    server.connection.receive(whole.subarray(0, 12))
    server.connection.look()
    server.connection.receive(whole.subarray(12))
  }
  assert.deepEqual(server.closed, [])
  assert.equal(server.requests.length, 49)
})

test('a connection that never begins ends with SETTINGS_TIMEOUT', () => {
  for (const said of [Buffer.alloc(0), CLIENT_PREFACE, CLIENT_PREFACE.subarray(0, 20)]) {
    const server = new TestEnd('server')
    server.connection.receive(said)
    for (let i = 0; i <= MOST_LOOKS; i++) server.connection.look()
    assert.equal(server.said().at(-1), 'goAway 0 settingsTimeout')
    assert.equal(server.counters.slowFrame, 1)
  }
})

test('a body is not a frame that has to end: DATA may take its time', () => {
  const server = startedServer()
  server.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  server.connection.receive(frame(0, 0, 1, Buffer.alloc(1_000)).subarray(0, 10))
  for (let i = 0; i <= 2 * MOST_LOOKS; i++) server.connection.look()
  assert.deepEqual(server.closed, [])
})

test('frames past the share of a turn wait for the next one, in order', () => {
  const server = startedServer()
  const ids = Array.from({ length: 300 }, (_, i) => 2 * i + 1)
  server.connection.beginTurn()
  server.connection.receive(Buffer.concat(ids.map((id) => headers(id, GET_BLOCK))))
  const first = server.requests.length
  assert(first <= LIMITS.linkRequestsPerTurnCount && first > LIMITS.linkRequestsPerTurnCount / 2, `${first} at first`)
  assert.equal(server.connection.isHeldBack, true)
  server.connection.receive(headers(601, GET_BLOCK)) // what comes meanwhile is behind it
  for (let turns = 0; server.connection.isHeldBack; turns++) {
    assert(turns < 10)
    server.connection.beginTurn()
    server.connection.proceed()
  }
  assert.deepEqual(
    server.requests.map(({ stream }) => stream.id),
    [...ids, 601],
  )
  assert.equal(server.counters.heldBack, 1)
})

test('frames that begin no request have their share, too', () => {
  const server = startedServer()
  server.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  server.connection.beginTurn()
  server.connection.receive(Buffer.concat(Array(LIMITS.piecesPerTurnCount + 9).fill(frame(0, 0, 1, 'aa'))))
  assert.equal(server.requests[0]?.bodyBytes, LIMITS.piecesPerTurnCount - 1, 'the last one has only begun')
  server.connection.beginTurn()
  server.connection.proceed()
  assert.equal(server.requests[0]?.bodyBytes, LIMITS.piecesPerTurnCount + 9)
  assert.equal(server.connection.isHeldBack, false)
})

test('what is held back when the connection fails is forgotten', () => {
  const server = startedServer()
  server.connection.beginTurn()
  server.connection.receive(
    Buffer.concat([...Array(LIMITS.piecesPerTurnCount).fill(frame(0xbe, 0, 0)), headers(1, GET_BLOCK)]),
  )
  assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
  server.connection.beginTurn()
  server.connection.proceed()
  assert.equal(server.requests.length, 0)
  const alive = startedServer()
  alive.connection.beginTurn()
  alive.connection.receive(
    Buffer.concat(
      Array(LIMITS.linkRequestsPerTurnCount + 50)
        .fill(settings())
        .flat(),
    ),
  )
  alive.connection.close(alive.closed[0] ?? { code: 'reset', detail: '' })
  alive.connection.proceed()
  assert.equal(alive.connection.isHeldBack, false)
})
