import assert from 'node:assert/strict'
import test from 'ava'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import type { AttemptOutcome, AttemptPlan, Decision } from '../../../sidecar/decide/decision.ts'
import type { RequestHead, ResponseHead } from '../../../sidecar/http/head.ts'
import { Exchange } from '../../../sidecar/pipeline/exchange.ts'
import type { ExchangeEnd } from '../../../sidecar/pipeline/exchange-end.ts'
import type { Lane } from '../../../sidecar/pipeline/lane.ts'
import { ReplayBuffer, ReplayMemory } from '../../../sidecar/resilience/replay-buffer.ts'
import { RecordingDownstream, RecordingUpstream, requestHead } from '../../support/recording-streams.ts'
import { endpoint, retry, traffic } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

interface Script {
  /** Tries that are answered with another try; then the last outcome is final. */
  readonly retries?: number
  readonly delayMs?: number
  readonly requestTimeoutMs?: number
  readonly perTryTimeoutMs?: number
  readonly streamIdleTimeoutMs?: number
  readonly first?: Decision
  /** Connections are not made at once: `connect()` makes them. */
  readonly slowConnect?: boolean
}

/** One exchange between recording streams, under a lane that follows a script. */
function stage(script: Script = {}, head: RequestHead = requestHead(), end = true) {
  const clock = new TurnedClock()
  const wheel = new TimerWheel(clock)
  const memory = new ReplayMemory()
  const down = new RecordingDownstream()
  const ups: RecordingUpstream[] = []
  const ends: ExchangeEnd[] = []
  const attemptEnds: (AttemptOutcome | 'abandoned')[] = []
  const latenciesMs: number[] = []
  let retriesLeft = script.retries ?? 0
  let waiting: Exchange | undefined
  const plan: AttemptPlan = {
    facts: {
      direction: 'outbound',
      service: 'shop/orders',
      port: 80,
      method: 'GET',
      authority: 'orders',
      path: '/',
      fields: [],
      caller: undefined,
      callerAddress: '',
      priorAttempts: 0,
    },
    service: 'shop/orders',
    port: 80,
    route: undefined,
    traffic: traffic({ streamIdleTimeoutMs: script.streamIdleTimeoutMs ?? 0 }),
    attempt: 1,
    tried: [],
    requestTimeoutMs: script.requestTimeoutMs ?? 0,
    perTryTimeoutMs: script.perTryTimeoutMs ?? 0,
    isIdempotent: true,
    retry: retry(),
    edits: undefined,
  }
  const forward = (delayMs: number): Decision => ({
    kind: 'forward',
    endpoint: endpoint('a'),
    plan,
    edits: undefined,
    delayMs,
  })
  const connect = (): void => {
    const exchange = waiting
    waiting = undefined
    assert(exchange !== undefined)
    const up = new RecordingUpstream(exchange)
    ups.push(up)
    exchange.onStream(up)
  }
  const lane: Lane<Exchange> = {
    direction: 'outbound',
    decide: (exchange) => {
      exchange.plan = plan
      return script.first ?? forward(0)
    },
    afterAttempt: (exchange, outcome) => {
      const isFailure = outcome.kind === 'error' || outcome.status >= 500
      if (isFailure && retriesLeft > 0 && exchange.canReplay) {
        retriesLeft--
        return forward(script.delayMs ?? 0)
      }
      return { kind: 'refuse', error: outcome.kind === 'error' ? outcome.error : meshError('reset', 'status') }
    },
    open: (exchange) => {
      waiting = exchange
      if (script.slowConnect !== true) connect()
    },
    abandon: () => {
      waiting = undefined
    },
    editResponse: (_exchange, response) => response,
    onAttemptEnd: (_exchange, latencyMs, outcome) => {
      attemptEnds.push(outcome)
      latenciesMs.push(latencyMs)
    },
    onEnd: (_exchange, exchangeEnd) => void ends.push(exchangeEnd),
  }
  const exchange = new Exchange(
    lane,
    { clock, wheel, newReplayBuffer: () => new ReplayBuffer(memory, 100) },
    head,
    end,
    down,
  )
  down.attach(exchange)
  exchange.begin()
  const up = (at = ups.length - 1): RecordingUpstream => {
    const found = ups[at]
    assert(found !== undefined, `there is a try number ${at + 1}`)
    return found
  }
  /** Whatever happened, nothing may be left behind. */
  const assertClean = (): void => {
    assert.equal(ends.length, 1, 'the exchange ended once')
    assert.equal(attemptEnds.length, exchange.attempts, 'every try that began ended once')
    assert.equal(wheel.size, 0, 'no timer is left')
    assert.equal(memory.heldBytes, 0, 'no replay memory is left')
  }
  return {
    clock,
    down,
    resetCode: () => down.resetBy?.code,
    ups,
    up,
    ends,
    attemptEnds,
    latenciesMs,
    exchange,
    connect,
    assertClean,
    isWaiting: () => waiting !== undefined,
    timerCount: () => wheel.size,
  }
}

const head = (status: number): ResponseHead => ({ status, fields: [], bodyLength: -1 })
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')

test('a response is relayed: head, body, trailers', () => {
  const s = stage()
  s.up().sink.onResponseHead(head(200), false)
  s.up().sink.onResponseBody(bytes('hel'))
  s.up().sink.onResponseBody(bytes('lo'))
  s.up().sink.onResponseEnd(['x-sum', '1'])
  assert.equal(s.down.status, 200)
  assert.equal(s.down.body, 'hello')
  assert.deepEqual(s.down.trailers, ['x-sum', '1'])
  assert.deepEqual(s.ends[0], { status: 200, error: undefined, durationMs: 0 })
  s.assertClean()
})

test('a request body is relayed, and back-pressure goes both ways', () => {
  const s = stage({}, requestHead({ method: 'POST', bodyLength: 6 }), false)
  s.up().takesMore = false
  s.exchange.onBody(bytes('abc'))
  assert.equal(s.down.isPaused, true)
  s.exchange.onRequestDrain()
  assert.equal(s.down.isPaused, false)
  s.exchange.onBody(bytes('def'))
  s.exchange.onEnd([])
  assert.equal(s.up().body, 'abcdef')
  assert.equal(s.up().isEnded, true)
  s.up().sink.onResponseHead(head(200), false)
  s.down.takesMore = false
  s.up().sink.onResponseBody(bytes('x'))
  assert.equal(s.up().isPaused, true)
  s.exchange.onDrain()
  assert.equal(s.up().isPaused, false)
  s.up().sink.onResponseEnd([])
  s.assertClean()
})

test('body that comes before a connection stands is held, sent in order, and none of it is lost past the replay limit', () => {
  const s = stage({ slowConnect: true }, requestHead({ method: 'POST', bodyLength: 300 }), false)
  const sent = ['a'.repeat(90), 'b'.repeat(90), 'c'.repeat(120)]
  for (const chunk of sent) s.exchange.onBody(bytes(chunk))
  assert.equal(s.down.isPaused, true)
  s.exchange.onEnd([])
  s.connect()
  assert.equal(s.up().body, sent.join(''))
  assert.equal(s.up().isEnded, true)
  assert.equal(s.exchange.canReplay, false)
  s.up().sink.onResponseHead(head(204), true)
  s.assertClean()
})

test('a failed try is repeated with the whole body', () => {
  const s = stage({ retries: 1 }, requestHead({ method: 'PUT', bodyLength: 4 }), false)
  s.exchange.onBody(bytes('body'))
  s.exchange.onEnd([])
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  assert.equal(s.ups.length, 2)
  assert.equal(s.up().body, 'body')
  assert.equal(s.up().isEnded, true)
  s.up().sink.onResponseHead(head(200), true)
  assert.equal(s.down.status, 200)
  s.assertClean()
})

test('a repeated try goes on with body that comes later', () => {
  const s = stage({ retries: 1 }, requestHead({ method: 'PUT', bodyLength: 6 }), false)
  s.exchange.onBody(bytes('abc'))
  s.up().sink.onResponseError(meshError('connect-failure', 'gone'))
  s.exchange.onBody(bytes('def'))
  s.exchange.onEnd([])
  assert.equal(s.up().body, 'abcdef')
  s.up().sink.onResponseHead(head(200), true)
  s.assertClean()
})

test('an error status may be thrown away for another try; nothing of it reaches the caller', () => {
  const s = stage({ retries: 1 })
  s.up(0).sink.onResponseHead(head(503), false)
  assert.equal(s.up(0).isCancelled, true)
  assert.equal(s.down.heads.length, 0)
  s.up(1).sink.onResponseHead(head(200), true)
  assert.equal(s.down.status, 200)
  s.assertClean()
})

test('the last error status reaches the caller as it is', () => {
  const s = stage({ retries: 0 })
  s.up().sink.onResponseHead(head(503), false)
  s.up().sink.onResponseBody(bytes('sorry'))
  s.up().sink.onResponseEnd([])
  assert.equal(s.down.status, 503)
  assert.equal(s.down.body, 'sorry')
  s.assertClean()
})

test('after a head went to the caller nothing is tried again: the caller sees a broken response', () => {
  const s = stage({ retries: 3 })
  s.up().sink.onResponseHead(head(200), false)
  s.up().sink.onResponseBody(bytes('part'))
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  assert.equal(s.ups.length, 1)
  assert.equal(s.down.isEnded, false)
  assert.equal(s.down.resetBy?.code, 'reset')
  s.assertClean()
})

test('a failure without another try is answered with the error and its name', () => {
  const s = stage()
  s.up().sink.onResponseError(meshError('connect-failure', 'nobody there'))
  assert.equal(s.down.status, 503)
  assert(s.down.heads[0]?.head.fields.includes('connect-failure'))
  assert.match(s.down.body, /nobody there/)
  s.assertClean()
})

test('a refusal never opens a stream', () => {
  const s = stage({ first: { kind: 'refuse', error: meshError('denied', 'no', 'AuthorizationPolicy shop/x rule 0') } })
  assert.equal(s.ups.length, 0)
  assert.equal(s.down.status, 403)
  assert.equal(s.ends[0]?.error?.policy, 'AuthorizationPolicy shop/x rule 0')
  s.assertClean()
})

test('a direct answer is sent with its fields and body', () => {
  const s = stage({ first: { kind: 'answer', response: { status: 302, fields: ['location', '/new'], body: 'moved' } } })
  assert.equal(s.down.status, 302)
  assert.equal(s.down.body, 'moved')
  s.assertClean()
})

test('the answer to HEAD has no body', () => {
  const s = stage(
    { first: { kind: 'refuse', error: meshError('no-route', 'nothing') } },
    requestHead({ method: 'HEAD' }),
  )
  assert.equal(s.down.heads[0]?.end, true)
  assert.equal(s.down.body, '')
})

test('a caller that goes away cancels the try', () => {
  const s = stage()
  s.exchange.onAbort(meshError('cancelled', 'bye'))
  assert.equal(s.up().isCancelled, true)
  assert.deepEqual(s.attemptEnds, ['abandoned'])
  assert.equal(s.ends[0]?.error?.code, 'cancelled')
  s.assertClean()
})

test('a caller that goes away while the connection is made abandons the try', () => {
  const s = stage({ slowConnect: true })
  s.exchange.onAbort(meshError('cancelled', 'bye'))
  assert.equal(s.isWaiting(), false)
  s.assertClean()
})

test('a caller that goes away between two tries ends the wait', () => {
  const s = stage({ retries: 1, delayMs: 100 })
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  s.exchange.onAbort(meshError('cancelled', 'bye'))
  s.clock.turn(1_000)
  assert.equal(s.ups.length, 1)
  s.assertClean()
})

test('another try waits as long as was decided', () => {
  const s = stage({ retries: 1, delayMs: 100 })
  s.up().sink.onResponseError(meshError('reset', 'gone'))
  s.clock.turn(99)
  assert.equal(s.ups.length, 1)
  s.clock.turn(1)
  assert.equal(s.ups.length, 2)
  s.up().sink.onResponseHead(head(200), true)
  s.assertClean()
})

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

for (const [what, end] of [
  ['refused', (s: ReturnType<typeof stage>) => s.up().sink.onResponseError(meshError('connect-failure', 'gone'))],
  ['given up by its caller', (s: ReturnType<typeof stage>) => s.exchange.onAbort(meshError('cancelled', 'bye'))],
  ['over its time', (s: ReturnType<typeof stage>) => s.clock.turn(60_000)],
] as const) {
  test(`the kept body of a request that is ${what} is given back`, () => {
    const s = stage({ requestTimeoutMs: 500 }, requestHead({ method: 'POST', bodyLength: 6 }), false)
    s.exchange.onBody(bytes('abc'))
    end(s)
    s.assertClean()
  })
}

test('an early answer is passed on, and the rest of the request given up', () => {
  const s = stage({}, requestHead({ method: 'POST', bodyLength: -1 }), false)
  s.exchange.onBody(bytes('abc'))
  s.up().sink.onResponseHead(head(413), true)
  assert.equal(s.down.status, 413)
  assert.equal(s.up().isCancelled, true)
  s.exchange.onBody(bytes('more'))
  s.assertClean()
})

test('interim responses pass, except 100, which is each hop’s own', () => {
  const s = stage()
  s.up().sink.onInterim(100, [])
  s.up().sink.onInterim(103, ['link', '</a.css>'])
  assert.deepEqual(s.down.interims, [103])
})
