import assert from 'node:assert/strict'
import { meshError } from '../../sidecar/core/mesh-errors.ts'
import { TimerWheel } from '../../sidecar/core/timer-wheel.ts'
import type { AttemptOutcome, AttemptPlan, Decision } from '../../sidecar/decide/decision.ts'
import type { RequestHead, ResponseHead } from '../../sidecar/http/head.ts'
import { localResponse } from '../../sidecar/http/local-response.ts'
import { Exchange } from '../../sidecar/pipeline/exchange.ts'
import type { ExchangeEnd } from '../../sidecar/pipeline/exchange-end.ts'
import type { Lane } from '../../sidecar/pipeline/lane.ts'
import { ReplayBuffer, ReplayMemory } from '../../sidecar/resilience/replay-buffer.ts'
import { RecordingDownstream, RecordingUpstream, requestHead } from './recording-streams.ts'
import { endpoint, retry, traffic } from './resources.ts'
import { TurnedClock } from './turned-clock.ts'

export interface ExchangeScript {
  /** Tries that are answered with another try; then the last outcome is final. */
  readonly retries?: number
  readonly delayMs?: number
  readonly requestTimeoutMs?: number
  readonly responseTimeoutMs?: number
  readonly perTryTimeoutMs?: number
  readonly streamIdleTimeoutMs?: number
  readonly first?: Decision
  /** Connections are not made at once: `connect()` makes them. */
  readonly slowConnect?: boolean
  readonly direction?: 'inbound' | 'outbound'
}

/** One exchange between recording streams, under a lane that follows a script. */
export function stage(script: ExchangeScript = {}, head: RequestHead = requestHead(), end = true) {
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
      wire: 'http/1.1',
      priorAttempts: 0,
    },
    service: 'shop/orders',
    port: 80,
    route: undefined,
    traffic: traffic({ streamIdleTimeoutMs: script.streamIdleTimeoutMs ?? 0 }),
    attempt: 1,
    tried: [],
    requestTimeoutMs: script.requestTimeoutMs ?? 0,
    responseTimeoutMs: script.responseTimeoutMs ?? 0,
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
    if (!exchange.mayBegin()) return
    const up = new RecordingUpstream(exchange)
    ups.push(up)
    exchange.onStream(up)
  }
  const lane: Lane<Exchange> = {
    direction: script.direction ?? 'outbound',
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
    refusal: ({ head }, error) => localResponse(error, head.fields),
    open: (exchange) => {
      waiting = exchange
      if (script.slowConnect !== true) connect()
    },
    abandon: () => {
      waiting = undefined
    },
    editResponse: (_exchange, response) => response,
    onResponseBody: () => undefined,
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

export const head = (status: number): ResponseHead => ({ status, fields: [], bodyLength: -1 })
export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
