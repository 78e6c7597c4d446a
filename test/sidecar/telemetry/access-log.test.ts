import assert from 'node:assert/strict'
import test from 'ava'
import { type Clock, systemClock } from '../../../sidecar/core/clock.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { AccessLog, type AccessLogMode } from '../../../sidecar/telemetry/access-log.ts'
import type { ExchangeRecord } from '../../../sidecar/telemetry/exchange-record.ts'

const RECORD: ExchangeRecord = {
  direction: 'outbound',
  startMs: Date.UTC(2026, 0, 2),
  durationMs: 12.34567,
  method: 'GET',
  path: '/items?token=secret',
  authority: 'orders',
  protocol: 'http/1.1',
  status: 200,
  flag: '-',
  service: 'shop/orders',
  route: 'implicit',
  endpoint: '127.0.0.1:15008',
  peerAddress: '127.0.0.1:4000',
  peerIdentity: 'spiffe://d/ns/shop/sa/orders',
  attempts: 1,
  requestBytes: 0,
  responseBytes: 20,
}

function setup(mode: AccessLogMode) {
  const state = {
    texts: [] as string[],
    accepts: true,
    dropped: 0,
    nowMs: 0,
    timers: [] as (() => void)[],
    drain: () => {},
  }
  const clock: Clock = {
    ...systemClock,
    nowMs: () => state.nowMs,
    after: (_, action) => {
      state.timers.push(action)
      return { cancel: () => undefined }
    },
  }
  const stream = {
    write: (text: string) => {
      state.texts.push(text)
      return state.accepts
    },
    once: (_: 'drain', listener: () => void) => {
      state.drain = listener
    },
  }
  const log = new AccessLog(stream, clock, () => state.dropped++)
  log.setMode(mode)
  const lines = (): Record<string, unknown>[] =>
    state.texts
      .join('')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line))
  return { log, state, lines }
}

test('an exchange is one JSON line without its query', () => {
  const { log, lines } = setup('all')
  log.record({
    ...RECORD,
    status: 403,
    flag: 'DN',
    code: 'denied',
    policy: 'AuthorizationPolicy shop/a rule 0',
    traceId: 'ab',
  })
  log.flush()
  assert.deepEqual(lines(), [
    {
      time: '2026-01-02T00:00:00.000Z',
      durationMs: 12.346,
      direction: 'outbound',
      method: 'GET',
      authority: 'orders',
      protocol: 'http/1.1',
      status: 403,
      flag: 'DN',
      service: 'shop/orders',
      route: 'implicit',
      endpoint: '127.0.0.1:15008',
      peerAddress: '127.0.0.1:4000',
      peerIdentity: 'spiffe://d/ns/shop/sa/orders',
      attempts: 1,
      requestBytes: 0,
      responseBytes: 20,
      path: '/items',
      code: 'denied',
      policy: 'AuthorizationPolicy shop/a rule 0',
      traceId: 'ab',
    },
  ])
})

for (const [mode, statuses] of [
  ['off', []],
  ['errors', [500, 404]],
  ['all', [200, 500, 404]],
] as const) {
  test(`mode ${mode} writes what it should`, () => {
    const { log, lines } = setup(mode)
    log.record(RECORD)
    log.record({ ...RECORD, status: 500 })
    log.record({ ...RECORD, status: 404, flag: 'NR' })
    log.flush()
    assert.deepEqual(
      lines().map((line) => line['status']),
      statuses,
    )
  })
}

test('lines are collected and written together by one timer', () => {
  const { log, state } = setup('all')
  log.record(RECORD)
  log.record(RECORD)
  assert.deepEqual([state.texts.length, state.timers.length], [0, 1])
  state.timers[0]?.()
  assert.equal(state.texts.length, 1)
  assert.equal(state.texts[0]?.split('\n').length, 3)
})

test('lines over the rate are dropped and counted, until the next second', () => {
  const { log, state, lines } = setup('all')
  for (let i = 0; i < LIMITS.accessLogLinesPerSecond + 3; i++) log.record(RECORD)
  assert.equal(state.dropped, 3)
  state.nowMs = 1_000
  log.record(RECORD)
  log.flush()
  assert.deepEqual([state.dropped, lines().length], [3, LIMITS.accessLogLinesPerSecond + 1])
})

test('a reader that stops makes the log wait in bounded memory, and nothing is lost below the bound', () => {
  const { log, state, lines } = setup('all')
  state.accepts = false
  const long = { ...RECORD, authority: 'x'.repeat(64 * 1024) }
  for (let i = 0; i < 30; i++) log.record(long)
  assert.equal(state.texts.length, 1)
  assert(state.dropped > 0)
  state.accepts = true
  state.drain()
  assert.equal(lines().length + state.dropped, 30)
  assert(state.texts.join('').length < LIMITS.accessLogBufferBytes + 3 * 65 * 1024)
})
