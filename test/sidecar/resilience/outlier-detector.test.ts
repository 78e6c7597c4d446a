import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import {
  afterFailure,
  afterNeutral,
  afterStart,
  afterSuccess,
  FRESH,
  isOut,
  type OutlierPolicy,
  type OutlierState,
} from '../../../sidecar/resilience/outlier-detector.ts'

const POLICY: OutlierPolicy = { consecutiveFailures: 3, baseEjectionMs: 1_000, maxEjectionMs: 10_000 }
const at = (nowMs: number, chance = 0, may = true) => ({ nowMs, random: () => chance, mayEject: () => may })

function fail(state: OutlierState, times: number, nowMs = 0): OutlierState {
  let next = state
  for (let i = 0; i < times; i++) next = afterFailure(next, POLICY, at(nowMs))
  return next
}

test('failures in a row eject, one fewer does not', () => {
  assert.equal(fail(FRESH, 2).name, 'admitting')
  assert.deepEqual(fail(FRESH, 3), { name: 'ejected', ejections: 1, untilMs: 1_000 })
})

test('a success between failures begins the count anew', () => {
  assert.equal(fail(afterSuccess(fail(FRESH, 2), 0), 2).name, 'admitting')
})

test('zero failures mean never', () => {
  const never = { ...POLICY, consecutiveFailures: 0 }
  assert.equal(afterFailure(FRESH, never, at(0)), FRESH)
})

test('each failed probe ejects for twice as long, up to the ceiling', () => {
  let state = fail(FRESH, 3)
  const lengths: number[] = []
  for (let i = 0; i < 6; i++) {
    assert(state.name === 'ejected')
    const nowMs = state.untilMs
    const probing = afterStart(state, 0, nowMs)
    assert.equal(probing.name, 'probing')
    state = afterFailure(probing, POLICY, at(nowMs))
    assert(state.name === 'ejected')
    lengths.push(state.untilMs - nowMs)
  }
  assert.deepEqual(lengths, [2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
})

test('chance shortens an ejection by a fifth at most', () => {
  const almost = afterFailure(fail(FRESH, 2), POLICY, at(0, 0.999_999))
  assert(almost.name === 'ejected' && almost.untilMs > 800 && almost.untilMs < 801)
})

test('an endpoint that was well for long is ejected as if for the first time', () => {
  const readmitted = afterSuccess({ name: 'probing', ejections: 5, others: 0 }, 100)
  const soon = fail(readmitted, 3, 200)
  assert(soon.name === 'ejected' && soon.ejections === 6)
  const late = fail(readmitted, 3, 100 + POLICY.maxEjectionMs + 1)
  assert(late.name === 'ejected' && late.ejections === 1)
})

test('where no more may be out, the next failure asks again', () => {
  const held = afterFailure(fail(FRESH, 2), POLICY, at(0, 0, false))
  assert.equal(held.name, 'admitting')
  assert.equal(afterFailure(held, POLICY, at(0)).name, 'ejected')
})

test('what ends while the endpoint is ejected began before, and changes nothing', () => {
  const ejected = fail(FRESH, 3)
  assert.equal(afterSuccess(ejected, 10), ejected)
  assert.equal(afterFailure(ejected, POLICY, at(10)), ejected)
  assert.equal(afterNeutral(ejected, 10), ejected)
})

test('a probe that says nothing is made again by the next exchange', () => {
  const probing = afterStart(fail(FRESH, 3), 0, 1_000)
  const again = afterNeutral(probing, 1_500)
  assert.equal(isOut(probing, 1_500), true)
  assert.equal(isOut(again, 1_500), false)
  assert.equal(afterStart(again, 0, 1_500).name, 'probing')
})

test('while others are in flight, one that says nothing is taken for one of them, not for the probe', () => {
  const probing = afterStart(fail(FRESH, 3), 1, 1_000)
  const still = afterNeutral(probing, 1_100)
  assert.equal(still.name, 'probing')
  assert.equal(afterNeutral(still, 1_200).name, 'ejected')
})

test('idle for longer than 2^32 ms does not wedge it', () => {
  assert.equal(isOut(fail(FRESH, 3), 2 ** 33), false)
  assert.equal(afterStart(fail(FRESH, 3), 0, 2 ** 33).name, 'probing')
})

test('no ejection is longer than the ceiling, whatever happens', () => {
  const event = fc.record({
    what: fc.constantFrom('start', 'success', 'failure', 'neutral'),
    laterMs: fc.nat(20_000),
    chance: fc.double({ min: 0, max: 0.999, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      let state: OutlierState = FRESH
      let nowMs = 0
      for (const { what, laterMs, chance } of events) {
        nowMs += laterMs
        if (what === 'start') state = afterStart(state, 0, nowMs)
        else if (what === 'success') state = afterSuccess(state, nowMs)
        else if (what === 'neutral') state = afterNeutral(state, nowMs)
        else state = afterFailure(state, POLICY, at(nowMs, chance))
        if (state.name === 'ejected') assert(state.untilMs - nowMs <= POLICY.maxEjectionMs)
        assert.equal(isOut(state, nowMs + POLICY.maxEjectionMs), state.name === 'probing')
      }
    }),
  )
})
