import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { RetryBudget } from '../../../sidecar/resilience/retry-budget.ts'

const POLICY = { ratio: 0.2, minConcurrent: 3 }

/** As many repeats as the budget allows at this moment. */
function spend(budget: RetryBudget, nowMs: number): number {
  let count = 0
  for (; count < 10_000 && budget.mayRetry(POLICY, nowMs); count++) budget.onRetry(nowMs)
  return count
}

test('a service that is called seldom may be tried again a few times', () => {
  assert.equal(spend(new RetryBudget(), 5), 3)
})

test('a fifth of the exchanges, and the floor', () => {
  const budget = new RetryBudget()
  for (let i = 0; i < 100; i++) budget.onExchange(i * 10)
  assert.equal(spend(budget, 1_000), 23)
  assert.equal(spend(budget, 5_000), 0)
})

test('what was ten seconds ago counts no more', () => {
  const budget = new RetryBudget()
  for (let i = 0; i < 100; i++) budget.onExchange(0)
  assert.equal(spend(budget, 9_999), 23)
  assert.equal(spend(budget, 10_000), 0)
  assert.equal(spend(budget, 20_000), 3)
})

test('idle for longer than 2^32 ms does not wedge it', () => {
  const budget = new RetryBudget()
  spend(budget, 1)
  assert.equal(spend(budget, 2 ** 33), 3)
})

test('nothing is allowed where the policy allows nothing', () => {
  assert.equal(new RetryBudget().mayRetry({ ratio: 0, minConcurrent: 0 }, 0), false)
})

test('in any window, repeats stay within the share of its exchanges and the floor, whatever fails', () => {
  const event = fc.record({ laterMs: fc.nat(4_000), exchanges: fc.nat(30), wanted: fc.nat(30) })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const budget = new RetryBudget()
      const log: { atMs: number; exchanges: number; retries: number }[] = []
      let nowMs = 0
      for (const { laterMs, exchanges, wanted } of events) {
        nowMs += laterMs
        for (let i = 0; i < exchanges; i++) budget.onExchange(nowMs)
        let retries = 0
        for (let i = 0; i < wanted && budget.mayRetry(POLICY, nowMs); i++, retries++) budget.onRetry(nowMs)
        log.push({ atMs: nowMs, exchanges, retries })
        const fromMs = (Math.floor(nowMs / 1_000) - 9) * 1_000
        const window = log.filter(({ atMs }) => atMs >= fromMs)
        const sum = (of: 'exchanges' | 'retries'): number => window.reduce((total, entry) => total + entry[of], 0)
        if (retries > 0) assert(sum('retries') <= POLICY.ratio * sum('exchanges') + POLICY.minConcurrent)
        const spare = POLICY.ratio * sum('exchanges') + POLICY.minConcurrent - sum('retries')
        assert.equal(budget.mayRetry(POLICY, nowMs), spare >= 1, 'nothing is lost, either')
      }
    }),
  )
})
