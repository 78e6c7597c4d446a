import assert from 'node:assert/strict'
import test from 'ava'
import type { RequestHead } from '../../../sidecar/http/head.ts'
import { bytes, head, stage } from '../../support/exchange-stage.ts'
import { requestHead } from '../../support/recording-streams.ts'

test('a try over its time is cancelled and repeated', () => {
  const s = stage({ retries: 1, perTryTimeoutMs: 200 })
  s.clock.turn(250)
  assert.equal(s.up(0).isCancelled, true)
  assert.equal(s.ups.length, 2)
  s.up(1).sink.onResponseHead(head(200), true)
  assert.equal(s.down.status, 200)
  s.assertClean()
})

test('the making of a connection is not held against the endpoint', () => {
  const bench = stage({ slowConnect: true })
  bench.clock.turn(50)
  bench.connect()
  bench.clock.turn(7)
  bench.up().sink.onResponseHead(head(200), true)
  assert.deepEqual(bench.latenciesMs, [7])
  bench.assertClean()
})

test('the time of a try ends with the response head', () => {
  const s = stage({ perTryTimeoutMs: 200 })
  s.up().sink.onResponseHead(head(200), false)
  s.clock.turn(5_000)
  assert.equal(s.up().isCancelled, false)
  s.up().sink.onResponseEnd([])
  s.assertClean()
})

test("the request's timeout ends all tries and answers 504", () => {
  const s = stage({ retries: 9, requestTimeoutMs: 500, perTryTimeoutMs: 200 })
  s.clock.turn(2_000)
  assert.equal(s.down.status, 504)
  assert.equal(s.ups.length, 3)
  assert.equal(s.up().isCancelled, true)
  assert.match(s.down.body, /500 ms/)
  s.assertClean()
})

test("the request's timeout breaks off a response that is under way", () => {
  const s = stage({ requestTimeoutMs: 500 })
  s.up().sink.onResponseHead(head(200), false)
  s.clock.turn(600)
  assert.equal(s.down.resetBy?.code, 'timeout')
  assert.equal(s.up().isCancelled, true)
  s.assertClean()
})

test('the answer must begin in its time after the request, however many tries; then it may last', () => {
  const late = stage({ retries: 9, responseTimeoutMs: 500, perTryTimeoutMs: 200 })
  late.clock.turn(499)
  assert.equal(late.down.status, 0)
  late.clock.turn(100)
  assert.deepEqual([late.down.status, late.ups.length], [504, 3])
  assert.match(late.down.body, /shop\/orders began no answer within 500 ms of the request's end/)
  late.assertClean()

  const long = stage({ responseTimeoutMs: 500 })
  long.clock.turn(400)
  long.up().sink.onResponseHead(head(200), false)
  long.clock.turn(600_000)
  long.up().sink.onResponseBody(bytes('.'))
  long.up().sink.onResponseEnd([])
  assert.deepEqual([long.resetCode(), long.down.body], [undefined, '.'])
  long.assertClean()
})

test('the time for the answer begins when the request is complete', () => {
  const s = stage({ responseTimeoutMs: 500 }, requestHead({ method: 'POST' }), false)
  s.clock.turn(60_000)
  s.exchange.onBody(bytes('the last of it'))
  s.exchange.onEnd([])
  s.clock.turn(499)
  assert.equal(s.down.status, 0)
  s.clock.turn(100)
  assert.equal(s.down.status, 504)
  s.assertClean()
})

test('what is left of the time for the answer is what a further try has', () => {
  const s = stage({ retries: 1, delayMs: 100, requestTimeoutMs: 5_000, responseTimeoutMs: 500 })
  s.clock.turn(300)
  assert.equal(s.exchange.remainingMs, 200)
  s.up().sink.onResponseHead(head(503), false)
  assert.equal(s.exchange.remainingMs, 200, 'an answer that is thrown away was none')
  s.clock.turn(100)
  s.up().sink.onResponseHead(head(200), false)
  assert.equal(s.exchange.remainingMs, 4_600)
  s.up().sink.onResponseEnd([])
  s.assertClean()
})

for (const [what, request] of [
  ['an upgrade', { upgrade: 'websocket' }],
  ['a CONNECT', { method: 'CONNECT' }],
] as const) {
  test(`${what} awaits its answer from its head on: what follows is not its end`, () => {
    const s = stage({ responseTimeoutMs: 500 }, requestHead(request), false)
    s.clock.turn(300)
    s.exchange.onBody(bytes('early'))
    s.clock.turn(300)
    assert.equal(s.down.status, 504)
    s.assertClean()
  })
}

test('a stream without a moving octet is ended; one that moves is not', () => {
  const s = stage({ streamIdleTimeoutMs: 300 })
  s.up().sink.onResponseHead(head(200), false)
  for (let i = 0; i < 5; i++) {
    s.clock.turn(200)
    s.up().sink.onResponseBody(bytes('.'))
  }
  assert.equal(s.resetCode(), undefined)
  s.clock.turn(400)
  assert.equal(s.resetCode(), 'timeout')
  s.assertClean()
})

/** Requests for a tunnel, an answer, and whether it opens one. */
const TUNNELS: readonly (readonly [string, Partial<RequestHead>, number, boolean])[] = [
  ['an upgraded connection', { upgrade: 'websocket' }, 101, true],
  ['a granted CONNECT', { method: 'CONNECT' }, 200, true],
  ['a refused CONNECT', { method: 'CONNECT' }, 403, false],
  ['an upgrade that is not granted', { upgrade: 'websocket' }, 200, false],
]
for (const [what, request, status, isTunnel] of TUNNELS) {
  test(`${what} has ${isTunnel ? 'no timeout' : 'the timeouts of any response'}`, () => {
    const s = stage({ requestTimeoutMs: 500, streamIdleTimeoutMs: 300 }, requestHead(request), false)
    s.up().sink.onResponseHead(head(status), false)
    assert.equal(s.timerCount(), isTunnel ? 0 : 1)
    s.clock.turn(60_000)
    assert.deepEqual([s.resetCode(), s.timerCount()], [isTunnel ? undefined : 'timeout', 0])
    if (isTunnel) s.exchange.onEnd([])
    if (isTunnel) s.up().sink.onResponseEnd([])
    s.assertClean()
  })
}

test('an idle bound that is shorter than the waits between tries begins no second one beside the first', () => {
  const s = stage({ retries: 5, delayMs: 50, streamIdleTimeoutMs: 40 })
  for (let ms = 0; ms < 2_000; ms += 5) {
    s.clock.turn(5)
    assert(s.ups.filter((up) => !up.isCancelled).length <= 1, `at ${ms} ms`)
  }
  assert.equal(s.ups.length, 6)
  assert.equal(s.down.status, 504)
  s.assertClean()
})
