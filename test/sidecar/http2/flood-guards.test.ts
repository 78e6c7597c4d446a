import assert from 'node:assert/strict'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { CLIENT_PREFACE } from '../../../sidecar/http2/frame/frame-type.ts'
import { LINK_SETTINGS } from '../../../sidecar/http2/http2-settings.ts'
import type { Http2Counters } from '../../../sidecar/http2/stream/http2-counters.ts'
import {
  block,
  data,
  END_HEADERS,
  frame,
  GET_BLOCK,
  headers,
  POST_BLOCK,
  reset,
  settings,
  startedServer,
  TestEnd,
  uint32,
  windowUpdate,
} from '../../support/http2-frames.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

const SMALL = { resetBurstCount: 10, resetsPerSecond: 1, provokedResetBurstCount: 10, provokedResetsPerSecond: 1 }
/** PINGs and the like that a server takes at once; the start took one, for the acknowledgement of its SETTINGS. */
const MOST_WORDS = 99
const ids = (count: number): number[] => Array.from({ length: count }, (_, i) => 2 * i + 1)
const times = (count: number, octets: Buffer): Buffer[] => Array(count).fill(octets)

const FLOODS: [keyof Http2Counters, string, Buffer[]][] = [
  ['rapidReset', 'CVE-2023-44487', ids(11).flatMap((id) => [headers(id, GET_BLOCK), reset(id, 8)])],
  ['earlyReset', 'CVE-2023-44487, before any answer', ids(11).flatMap((id) => [headers(id, GET_BLOCK), reset(id, 8)])],
  [
    'provokedReset',
    'CVE-2025-8671 by WINDOW_UPDATE of 0',
    ids(11).flatMap((id) => [headers(id, POST_BLOCK, END_HEADERS), windowUpdate(id, 0)]),
  ],
  [
    'provokedReset',
    'CVE-2025-8671 by a window over 2^31 − 1',
    ids(11).flatMap((id) => [headers(id, POST_BLOCK, END_HEADERS), windowUpdate(id, 2 ** 31 - 1)]),
  ],
  [
    'provokedReset',
    'CVE-2025-8671 by DATA after the end',
    ids(11).flatMap((id) => [headers(id, GET_BLOCK), data(id, 'x')]),
  ],
  [
    'provokedReset',
    'CVE-2025-8671 by heads over the limit',
    ids(11).map((id) => headers(id, Buffer.concat([GET_BLOCK, Buffer.alloc(LINK_SETTINGS.headerCount, 0x93)]))),
  ],
  ['pingFlood', 'CVE-2019-9512', times(MOST_WORDS + 1, frame(6, 0, 0, Buffer.alloc(8)))],
  ['pingFlood', 'answers to PINGs that were not sent', times(MOST_WORDS + 1, frame(6, 1, 0, Buffer.alloc(8)))],
  ['pingFlood', 'acknowledged SETTINGS', times(MOST_WORDS + 1, frame(4, 1, 0))],
  ['pingFlood', 'GOAWAY', times(MOST_WORDS + 1, frame(7, 0, 0, Buffer.alloc(8)))],
  ['priorityFlood', 'frames of unknown types', times(101, frame(0xbe, 0, 0, 'grease'))],
  ['settingsFlood', 'CVE-2019-9515', times(20, settings())],
  ['settingsFlood', 'many settings in a frame', [settings(...(Array(33).fill([0x99, 1]) as [number, number][]))]],
  ['emptyFrameFlood', 'CVE-2019-9518 by DATA', [headers(1, POST_BLOCK, END_HEADERS), ...times(11, data(1, ''))]],
  [
    'emptyFrameFlood',
    'CVE-2019-9518 by padding alone',
    [headers(1, POST_BLOCK, END_HEADERS), ...times(11, frame(0, 8, 1, Buffer.from([3, 0, 0, 0])))],
  ],
  ['emptyFrameFlood', 'CVE-2019-9518 by CONTINUATION', [headers(1, Buffer.alloc(0), 0), ...times(10, frame(9, 0, 1))]],
  [
    'continuationFlood',
    'CVE-2024-27316 by count',
    [headers(1, GET_BLOCK, 0), ...times(9, frame(9, 0, 1, block('a', 'b')))],
  ],
  [
    'continuationFlood',
    'CVE-2024-27316 by bytes',
    [headers(1, GET_BLOCK, 0), ...times(5, frame(9, 0, 1, Buffer.alloc(16_000)))],
  ],
  ['priorityFlood', 'CVE-2019-9513', times(101, frame(2, 0, 1, '0000000000'))],
  ['windowUpdateFlood', 'WINDOW_UPDATE', times(101, windowUpdate(0, 1))],
]

for (const [counter, name, octets] of FLOODS) {
  test(`${name} ends the connection with ENHANCE_YOUR_CALM and counts ${counter}`, () => {
    const isEmpty = counter === 'emptyFrameFlood'
    const isEarly = counter === 'earlyReset'
    const change = {
      ...SMALL,
      ...(isEarly ? { resetBurstCount: 99, earlyResetBurstCount: 10 } : {}),
      headerListBytes: 65_536,
      emptyFrameCount: isEmpty ? 10 : 100,
      continuationFrameCount: isEmpty ? 100 : 8,
    }
    const server = startedServer(change, new TurnedClock())
    for (const one of octets.slice(0, -1)) server.connection.receive(one)
    assert.deepEqual(server.closed, [], 'the last frame is the one too many')
    server.connection.receive(octets.at(-1) as Buffer)
    assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
    assert.equal(server.counters[counter], 1)
    assert.equal(server.connection.openStreamCount, 0)
    server.connection.receive(headers(999, GET_BLOCK))
    assert.equal(server.connection.takeOutput().length, 0, 'nothing is read any more')
  })
}

test('CVE-2025-8671 by DATA on streams that are over ends the connection', () => {
  const server = startedServer(SMALL, new TurnedClock())
  server.onSeen = ({ stream }) => stream.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
  for (const id of ids(11)) {
    assert.deepEqual(server.closed, [], `stream ${id}`)
    server.connection.receive(Buffer.concat([headers(id, GET_BLOCK), data(id, 'x')]))
  }
  assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
  assert.equal(server.counters.provokedReset, 1)
})

test('streams over the limit end the connection when the peer knows the limit, and not before', () => {
  const change = { ...SMALL, streamCount: 1 }
  const knowing = startedServer(change, new TurnedClock())
  const unknowing = new TestEnd('server', change, new TurnedClock())
  unknowing.connection.receive(Buffer.concat([CLIENT_PREFACE, settings()]))
  for (const id of ids(12)) {
    assert.deepEqual(knowing.closed, [], `stream ${id}`)
    for (const { connection } of [knowing, unknowing]) connection.receive(headers(id, GET_BLOCK))
  }
  assert.equal(knowing.said().at(-1), 'goAway 0 enhanceYourCalm')
  assert.equal(knowing.counters.provokedReset, 1)
  assert.deepEqual(unknowing.closed, [])
  assert.equal(unknowing.counters.refusedStream, 11)
})

test('resets of requests that had their answer, or waited for it, are not early', () => {
  const clock = new TurnedClock()
  const server = startedServer({ earlyResetBurstCount: 1, earlyResetsPerSecond: 0 }, clock)
  server.onSeen = ({ head, stream }) => {
    if (head.method === 'GET') stream.sendHead({ status: 200, fields: [], bodyLength: 5 }, false)
  }
  for (const id of ids(20)) server.connection.receive(Buffer.concat([headers(id, GET_BLOCK), reset(id, 8)]))
  for (const id of ids(20)) server.connection.receive(headers(100 + id, POST_BLOCK))
  clock.turn(LIMITS.earlyResetMs + 1)
  for (const id of ids(20)) server.connection.receive(reset(100 + id, 8))
  assert.deepEqual(server.closed, [])
  server.connection.receive(Buffer.concat([201, 203].flatMap((id) => [headers(id, POST_BLOCK), reset(id, 8)])))
  assert.equal(server.counters.earlyReset, 1)
})

test('stream errors within the rate end the connection when there were too many in its life', () => {
  const clock = new TurnedClock()
  const server = startedServer({ provokedResetLifeCount: 20 }, clock)
  for (const id of ids(21)) {
    assert.deepEqual(server.closed, [], `stream ${id}`)
    server.connection.receive(Buffer.concat([headers(id, POST_BLOCK, END_HEADERS), windowUpdate(id, 0)]))
    clock.turn(10_000)
  }
  assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
  assert.equal(server.counters.provokedReset, 1)
})

const FAULTS: [keyof Http2Counters, Buffer][] = [
  ['protocolFault', windowUpdate(0, 0)],
  ['flowControlFault', windowUpdate(0, 2 ** 31 - 1)],
  ['frameSizeFault', frame(2, 0, 1, '00')],
  ['compressionFault', headers(1, Buffer.from([0xff, 0xff]))],
  [
    'streamClosedFault',
    Buffer.concat([headers(1, GET_BLOCK), reset(1, 8), headers(3, GET_BLOCK), headers(1, GET_BLOCK)]),
  ],
]
for (const [counter, octets] of FAULTS) {
  test(`a peer that breaks the protocol is counted: ${counter}`, () => {
    const server = startedServer()
    server.connection.receive(octets)
    assert.equal(server.counters[counter], 1)
    assert.equal(server.closed.length, 1)
  })
}

test('a table of 4 GiB that is offered to our encoder is not used, and counted', () => {
  const server = startedServer()
  server.connection.receive(settings([1, 2 ** 32 - 1]))
  assert.equal(server.counters.headerTableClamped, 1)
  server.connection.receive(settings([1, 4_096]))
  assert.equal(server.counters.headerTableClamped, 1)
})

test('resets within the rate go on for ever', () => {
  const clock = new TurnedClock()
  const server = startedServer(SMALL, clock)
  for (const id of ids(200)) {
    server.connection.receive(Buffer.concat([headers(id, GET_BLOCK), reset(id, 8)]))
    clock.turn(1_000)
  }
  assert.deepEqual(server.closed, [])
  assert.equal(server.connection.openStreamCount, 0)
})

test('empty frames with something between them go on for ever', () => {
  const server = startedServer()
  server.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  for (let i = 0; i < 100; i++) server.connection.receive(data(1, i % 5 === 0 ? 'x' : ''))
  assert.deepEqual(server.closed, [])
})

const UNREAD: readonly [string, (i: number) => Buffer][] = [
  ['answers to PING', () => frame(6, 0, 0, Buffer.alloc(8))],
  ['answers to SETTINGS', () => settings()],
  ['resets that it provoked', (i) => headers(2 * i + 3, GET_BLOCK)],
]
for (const [what, octets] of UNREAD) {
  test(`control frames that the peer does not read end the connection: ${what}`, () => {
    const many = { pingsPerSecond: 10_000, settingsPerSecond: 10_000, provokedResetBurstCount: 10_000 }
    const server = startedServer({ ...many, streamCount: 1, queuedControlFrameCount: 50 }, new TurnedClock())
    server.connection.receive(headers(1, GET_BLOCK))
    server.connection.setWritable(false)
    for (let i = 0; i < 50; i++) server.connection.receive(octets(i))
    assert.deepEqual(server.closed, [])
    server.connection.receive(octets(50))
    assert.equal(server.counters.controlQueueFlood, 1)
    assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
  })
}

test('a peer that reads nothing of what it asked for gets no more streams, until it reads', () => {
  const server = startedServer()
  server.onSeen = ({ stream }) =>
    stream.sendHead({ status: 204, fields: ['x', 'y'.repeat(15_000)], bodyLength: 0 }, true)
  server.connection.setWritable(false)
  let id = 1
  for (; server.counters.refusedStream === 0; id += 2) {
    assert(id < 2_000, 'what waits is bounded')
    server.connection.receive(headers(id, GET_BLOCK))
  }
  assert(server.requests.length > 1)
  assert.equal(server.said().at(-1), `resetStream ${id - 2} refusedStream`)
  server.connection.setWritable(true)
  server.connection.receive(headers(id, GET_BLOCK))
  assert.equal(server.requests.at(-1)?.stream.id, id)
})

test('streams over the limit are refused, and those within it are served', () => {
  const server = startedServer({ streamCount: 3 })
  for (const id of ids(5)) server.connection.receive(headers(id, GET_BLOCK))
  assert.equal(server.requests.length, 3)
  assert.deepEqual(server.said(), ['resetStream 7 refusedStream', 'resetStream 9 refusedStream'])
  assert.equal(server.counters.refusedStream, 2)
})

test('a request head over the limit is answered 431 and does not reach the handler', () => {
  const many = Buffer.concat([Buffer.from('40016101', 'hex'), Buffer.from('b'), Buffer.alloc(600, 0xbe)])
  for (const octets of [many, block('a', 'x'.repeat(12_000), 'b', 'y'.repeat(4_000))]) {
    const server = startedServer({ headerListBytes: 15_000 })
    server.connection.receive(headers(1, Buffer.concat([GET_BLOCK, octets]).subarray(0, 16_384)))
    assert.deepEqual(server.said(), ['headers 1', 'resetStream 1 noError'])
    assert.equal(server.counters.headerListTooLarge, 1)
    assert.equal(server.requests.length, 0)
    assert.equal(server.connection.openStreamCount, 0)
  }
})

test('a request head of many times the limit ends the connection at once, by its octets or by its fields', () => {
  const refs = LINK_SETTINGS.headerCount * 4 + 1
  for (const octets of [
    Buffer.concat([Buffer.from('40016101', 'hex'), Buffer.from('b'), Buffer.alloc(refs, 0xbe)]),
    block('a', 'x'.repeat(9_000), 'b', 'y'.repeat(7_000)),
  ]) {
    const server = startedServer({ headerListBytes: octets.length < 10_000 ? 65_536 : 4_000 })
    server.connection.receive(headers(1, Buffer.concat([GET_BLOCK, octets])))
    assert.equal(server.said().at(-1), 'goAway 0 enhanceYourCalm')
    assert.equal(server.counters.headerBomb, 1)
    assert.equal(server.requests.length, 0)
  }
})

test('cookie crumbs are counted one by one (CVE-2026-47774)', () => {
  const server = startedServer({ headerCount: 128 })
  server.connection.receive(
    headers(1, block(':method', 'GET', ':scheme', 'http', ':path', '/', ...Array(126).fill(['cookie', 'a=b']).flat())),
  )
  assert.equal(server.counters.headerListTooLarge, 1)
})

test('DATA past the windows is refused: the stream, or the connection', () => {
  const server = startedServer({ streamWindowBytes: 100 })
  server.connection.receive(Buffer.concat([headers(1, POST_BLOCK, END_HEADERS), data(1, 'x'.repeat(101))]))
  assert.deepEqual(server.said(), ['resetStream 1 flowControlError'])
  const whole = startedServer({ connectionWindowBytes: 65_535, heldRequestBytes: 65_535, streamWindowBytes: 200_000 })
  whole.connection.receive(headers(1, POST_BLOCK, END_HEADERS))
  whole.requests[0]?.stream.pause()
  // What a paused stream holds gives its window back once, and no more: memory is bounded by two windows.
  for (let i = 0; i < 7; i++) whole.connection.receive(frame(0, 0, 1, Buffer.alloc(16_384)))
  assert.equal(whole.said().at(-1), 'windowUpdate 0')
  for (let i = 0; i < 2; i++) whole.connection.receive(frame(0, 0, 1, Buffer.alloc(16_384)))
  assert.equal(whole.said().at(-1), 'goAway 0 flowControlError')
})

test('frames right after a reset in the same read reach nobody', () => {
  const server = startedServer()
  server.connection.receive(
    Buffer.concat([
      headers(1, POST_BLOCK, END_HEADERS),
      reset(1, 8),
      windowUpdate(1, 5),
      frame(2, 0, 1, Buffer.concat([uint32(0), Buffer.alloc(1)])),
      data(1, 'x'),
    ]),
  )
  assert.equal(server.requests[0]?.body, '')
  assert.deepEqual(
    server.requests[0]?.errors.map((error) => error.code),
    ['cancelled'],
  )
})
