import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { costOf, UNMEASURED, withFailure, withLatency } from '../../../sidecar/balancing/peak-ewma.ts'

test('a rise counts at once, a fall slowly', () => {
  const fast = withLatency(UNMEASURED, 5, 0)
  const slow = withLatency(fast, 100, 20)
  assert.equal(costOf(slow, 0, 20), 100)
  const falling = costOf(withLatency(slow, 5, 120), 0, 120)
  assert(falling > 90 && falling < 100, String(falling))
})

test('what was long ago is forgotten', () => {
  const slow = withLatency(UNMEASURED, 1_000, 0)
  assert(costOf(slow, 0, 60_000) < 5)
  assert.equal(costOf(slow, 0, 2 ** 40), 0)
})

test('cost grows with what is in flight', () => {
  const average = withLatency(UNMEASURED, 10, 0)
  assert.equal(costOf(average, 4, 0), 50)
})

test('an endpoint that was never measured gets one exchange, not a flood', () => {
  assert.equal(costOf(UNMEASURED, 0, 0), 0)
  assert(costOf(UNMEASURED, 1, 0) > costOf(withLatency(UNMEASURED, 59_000, 0), 0, 0))
})

test('a latency of zero is a measurement', () => {
  assert(costOf(withLatency(UNMEASURED, 0, 0), 3, 0) < 1)
})

test('a failure never makes an endpoint cheaper', () => {
  const step = fc.record({
    latencyMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
    laterMs: fc.nat(30_000),
    fails: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let average = UNMEASURED
      let nowMs = 0
      for (const { latencyMs, laterMs, fails } of steps) {
        nowMs += laterMs
        const before = costOf(average, 0, nowMs)
        average = fails ? withFailure(average, latencyMs, nowMs) : withLatency(average, latencyMs, nowMs)
        const after = costOf(average, 0, nowMs)
        assert(Number.isFinite(after) && after > 0 && after <= 60_000)
        if (fails) assert(after >= before)
      }
    }),
  )
})
