import assert from 'node:assert/strict'
import test from 'ava'
import type { RequestFacts } from '../../../sidecar/decide/decision.ts'
import {
  DEFAULT_RESPONSE_TIMEOUT_MS,
  grpcTimeoutOf,
  requestTimeoutMs,
  responseTimeoutMs,
  saidTimeoutMs,
} from '../../../sidecar/decide/request-timeout.ts'

const factsOf = (said: string | undefined, method = 'POST') =>
  ({ method, fields: said === undefined ? [] : ['grpc-timeout', said] }) as unknown as RequestFacts

const bounds = (requestTimeoutMs: number, responseTimeoutMs?: number) => ({ requestTimeoutMs, responseTimeoutMs })

const CASES: [said: string | undefined, configuredMs: number, wantedMs: number][] = [
  [undefined, 15_000, 15_000],
  [undefined, 0, 0],
  ['1S', 15_000, 1_000],
  ['1S', 0, 1_000],
  ['60S', 15_000, 15_000],
  ['250m', 15_000, 250],
  ['1500000u', 15_000, 1_500],
  ['99999999n', 15_000, 99.999999],
  ['2M', 0, 120_000],
  ['1H', 0, 3_600_000],
  ['0S', 15_000, 1],
  ['0n', 0, 1],
  // what is not the form of the specification says nothing
  ['123456789S', 15_000, 15_000],
  ['-1S', 15_000, 15_000],
  ['1', 15_000, 15_000],
  ['1s', 15_000, 15_000],
  ['1.5S', 15_000, 15_000],
  ['', 15_000, 15_000],
]

for (const [said, configuredMs, wantedMs] of CASES) {
  test(`grpc-timeout ${said} and ${configuredMs} ms configured are ${wantedMs} ms`, () => {
    assert.equal(requestTimeoutMs(bounds(configuredMs), saidTimeoutMs(factsOf(said))), wantedMs)
  })
}

test('other methods than that of gRPC have no say', () => {
  assert.equal(saidTimeoutMs(factsOf('1S', 'GET')), undefined)
})

test('the default for the answer is for callers that do not say what they wait for', () => {
  assert.equal(responseTimeoutMs(bounds(0), undefined), DEFAULT_RESPONSE_TIMEOUT_MS)
  assert.equal(responseTimeoutMs(bounds(0), 60_000), 0)
  for (const configuredMs of [0, 5_000]) {
    assert.equal(responseTimeoutMs(bounds(0, configuredMs), undefined), configuredMs)
    assert.equal(responseTimeoutMs(bounds(0, configuredMs), 60_000), configuredMs)
  }
})

test('what is left of a call is said in the form of grpc-timeout, and never as more', () => {
  for (const leftMs of [-5, 0, 0.0004, 1, 15.5, 99_999.999, 100_000, 99_999_999, 100_000_000, 1e12]) {
    const text = grpcTimeoutOf(leftMs)
    const saidMs = saidTimeoutMs(factsOf(text))
    assert(saidMs !== undefined, `${leftMs} as ${text}`)
    assert(saidMs <= Math.max(leftMs, 1), `${leftMs} as ${text} is ${saidMs}`)
    assert(leftMs < 1 || leftMs > 1e11 || saidMs >= leftMs - 1_000, `${leftMs} as ${text} is ${saidMs}`)
  }
  assert.deepEqual([grpcTimeoutOf(1_500), grpcTimeoutOf(250_000)], ['1500000u', '250000m'])
})
