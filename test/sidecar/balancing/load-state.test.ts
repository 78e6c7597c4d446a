import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { type AttemptVerdict, LoadState } from '../../../sidecar/balancing/load-state.ts'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { afterAttempt } from '../../../sidecar/decide/after-attempt.ts'
import { decide } from '../../../sidecar/decide/decide.ts'
import type { World } from '../../../sidecar/decide/decision.ts'
import { SILENT } from '../../../sidecar/decide/trace-step.ts'
import { endpoint, endpoints, service, traffic } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { facts } from '../../support/worlds.ts'

const ORDERS = 'shop/orders'
const settings = traffic({
  outlier: { consecutiveFailures: 2, baseEjectionMs: 1_000, maxEjectionMs: 8_000, maxEjectedRatio: 0.5 },
})

function build(ids: readonly string[]) {
  const snapshots = new SnapshotStore()
  snapshots.apply([{ put: service({ traffic: settings }) }, { put: endpoints(ids) }])
  const clock = new TurnedClock(1_000_000)
  const random = seededRandom(5)
  const load = new LoadState(snapshots, clock, random)
  const tryOnce = (id: string, verdict: AttemptVerdict, latencyMs = 5): void => {
    load.onAttemptStart(ORDERS, endpoint(id))
    load.onAttemptEnd(ORDERS, endpoint(id), latencyMs, verdict, settings)
  }
  const world = (): World => ({ snapshot: snapshots.current, load, nowMs: clock.nowMs(), random })
  return { snapshots, clock, load, tryOnce, world }
}

test('failures in a row eject an endpoint, and success between them does not', () => {
  const { load, tryOnce } = build(['a', 'b'])
  for (const verdict of ['failure', 'success', 'failure'] as const) tryOnce('a', verdict)
  assert.equal(load.isEjected(endpoint('a')), false)
  tryOnce('a', 'failure')
  assert.equal(load.isEjected(endpoint('a')), true)
  assert.equal(load.hasEjections(), true)
})

test('what says nothing of an endpoint ejects none', () => {
  const { load, tryOnce } = build(['a', 'b'])
  for (let i = 0; i < 20; i++) tryOnce('a', 'neutral')
  assert.equal(load.hasEjections(), false)
})

test('after its time exactly one exchange probes an ejected endpoint, and readmits it', () => {
  const { load, clock, tryOnce } = build(['a', 'b'])
  tryOnce('a', 'failure')
  tryOnce('a', 'failure')
  clock.turn(1_001)
  assert.equal(load.isEjected(endpoint('a')), false)
  load.onAttemptStart(ORDERS, endpoint('a'))
  assert.equal(load.isEjected(endpoint('a')), true)
  load.onAttemptEnd(ORDERS, endpoint('a'), 5, 'success', settings)
  assert.equal(load.isEjected(endpoint('a')), false)
  assert.equal(load.hasEjections(), false)
})

test("a probe's good answer readmits before its body has ended", () => {
  const { load, clock, tryOnce } = build(['a', 'b'])
  tryOnce('a', 'failure')
  tryOnce('a', 'failure')
  clock.turn(1_001)
  load.onAttemptStart(ORDERS, endpoint('a'))
  load.onAttemptAnswer(endpoint('a'))
  assert.equal(load.isEjected(endpoint('a')), false)
  load.onAttemptEnd(ORDERS, endpoint('a'), 5, 'success', settings)
  assert.equal(load.inFlight(endpoint('a')), 0)
})

test('the only endpoint of a service is never ejected', () => {
  const { load, tryOnce } = build(['a'])
  for (let i = 0; i < 20; i++) tryOnce('a', 'failure')
  assert.equal(load.hasEjections(), false)
})

test('when all endpoints fail at once, no more than their share is ejected', () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  const { load, tryOnce } = build(ids)
  for (let i = 0; i < 10; i++) for (const id of ids) tryOnce(id, 'failure')
  assert.equal(ids.filter((id) => load.isEjected(endpoint(id))).length, 2)
})

test('an endpoint that left and comes back starts clean', () => {
  const { load, snapshots, tryOnce } = build(['a', 'b'])
  tryOnce('a', 'failure', 900)
  tryOnce('a', 'failure', 900)
  snapshots.apply([{ put: endpoints(['b']) }])
  assert.equal(load.hasEjections(), false)
  snapshots.apply([{ put: endpoints(['a', 'b']) }])
  assert.equal(load.isEjected(endpoint('a')), false)
  assert.equal(load.cost(endpoint('a')), 0)
})

test('an endpoint that left and comes back while a try there is under way starts clean too, and the try counts', () => {
  const { load, snapshots, tryOnce } = build(['a', 'b'])
  tryOnce('a', 'failure', 900)
  load.onAttemptStart(ORDERS, endpoint('a'))
  tryOnce('a', 'failure', 900)
  assert.equal(load.isEjected(endpoint('a')), true)
  snapshots.apply([{ put: endpoints(['b']) }])
  assert.equal(load.hasEjections(), false)
  snapshots.apply([{ put: endpoints(['a', 'b']) }])
  assert.equal(load.isEjected(endpoint('a')), false)
  assert.equal(load.inFlight(endpoint('a')), 1)
  load.onAttemptEnd(ORDERS, endpoint('a'), 5, 'neutral', settings)
  assert.equal(load.cost(endpoint('a')), 0)
})

test('an endpoint that two services list is forgotten only when both have lost it', () => {
  const { load, snapshots, tryOnce } = build(['a', 'b'])
  snapshots.apply([{ put: endpoints(['a'], 'shop/orders-v1') }])
  tryOnce('a', 'success', 70)
  snapshots.apply([{ put: endpoints(['b']) }])
  assert.equal(load.cost(endpoint('a')), 70)
  snapshots.apply([{ delete: 'Endpoints', name: 'shop/orders-v1' }])
  assert.equal(load.cost(endpoint('a')), 0)
})

test('a slow endpoint gets little of the traffic', () => {
  const { load, clock, world } = build(['a', 'b', 'slow'])
  const counts = new Map<string, number>()
  for (let i = 0; i < 2_000; i++) {
    const decision = decide(facts(), world(), SILENT)
    assert(decision.kind === 'forward')
    const picked = decision.endpoint
    counts.set(picked.id, (counts.get(picked.id) ?? 0) + 1)
    load.onAttemptStart(ORDERS, picked)
    clock.turn(2)
    load.onAttemptEnd(ORDERS, picked, picked.id === 'slow' ? 300 : 5, 'success', settings)
  }
  assert((counts.get('slow') ?? 0) < 100, `slow has ${counts.get('slow')} of 2000`)
})

test('an endpoint that fails fast does not draw the traffic to itself', () => {
  const { load, world, tryOnce } = build(['good', 'bad'])
  tryOnce('good', 'success', 20)
  tryOnce('bad', 'failure', 0.1)
  for (let i = 0; i < 100; i++) {
    const decision = decide(facts(), world(), SILENT)
    assert(decision.kind === 'forward')
    assert.equal(decision.endpoint.id, 'good')
  }
  assert.equal(load.hasEjections(), false)
})

/** Tries that arrive of 5,000 exchanges over 50 s, all of which fail in the same way. */
function arrivedOf(code: 'connect-failure' | 'refused'): number {
  const { load, clock, world } = build(['a', 'b', 'c', 'd'])
  let arrived = 0
  const exchanges = 5_000
  for (let i = 0; i < exchanges; i++) {
    clock.turn(10)
    let decision = decide(facts(), world(), SILENT)
    load.onExchangeStart(ORDERS)
    while (decision.kind === 'forward') {
      arrived++
      const { endpoint: picked, plan } = decision
      load.onAttemptStart(ORDERS, picked)
      load.onAttemptEnd(ORDERS, picked, 1, 'failure', plan.traffic)
      const outcome = { kind: 'error', error: meshError(code, 'down') } as const
      decision = afterAttempt(plan, outcome, { canReplay: true, remainingMs: 1e9, isOverMesh: true }, world(), SILENT)
      if (decision.kind === 'forward' && decision.isFree !== true) load.onRetry(ORDERS)
    }
    load.onExchangeEnd(ORDERS)
  }
  return arrived
}

/** What the budget leaves: a fifth, and 3 for each window of ten seconds. */
const BUDGETED = 0.2 * 5_000 + 3 * 6

test('an upstream that always fails gets at most its budget of repeats on top', () => {
  const arrived = arrivedOf('refused')
  assert(arrived <= 5_000 + BUDGETED, `${arrived} tries`)
  assert(arrived >= 5_000 + 0.75 * BUDGETED, 'the budget is used')
})

test('an upstream that nobody can connect to gets each exchange once more, and the budget', () => {
  const arrived = arrivedOf('connect-failure')
  assert(arrived <= 10_000 + BUDGETED, `${arrived} tries`)
  assert(arrived >= 10_000, 'the first pick elsewhere is free')
})

interface Step {
  readonly act: 'begin' | 'try' | 'answer' | 'end' | 'retry' | 'leave' | 'return' | 'forget'
  readonly which: number
  readonly verdict: AttemptVerdict
  readonly laterMs: number
}

const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom('begin', 'try', 'try', 'answer', 'end', 'retry', 'leave', 'return', 'forget'),
  which: fc.nat(3),
  verdict: fc.constantFrom<AttemptVerdict>('success', 'failure', 'neutral'),
  laterMs: fc.nat(3_000),
})

test('gauges come back to zero, ejections stay under their share and one probe runs at a time, whatever happens', () => {
  const ids = ['a', 'b', 'c', 'd']
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { load, snapshots, clock } = build(ids)
      const open: { id: string; isProbe: boolean }[] = []
      let exchanges = 0
      let listed = ids
      const end = (verdict: AttemptVerdict): void => {
        const [attempt] = open.splice(0, 1)
        if (attempt !== undefined) load.onAttemptEnd(ORDERS, endpoint(attempt.id), 5, verdict, settings)
      }
      for (const { act, which, verdict, laterMs } of steps) {
        clock.turn(laterMs)
        const id = ids[which] ?? 'a'
        const wasOut = load.isEjected(endpoint(id))
        if (act === 'begin') {
          load.onExchangeStart(ORDERS)
          exchanges++
        } else if (act === 'try') {
          load.onAttemptStart(ORDERS, endpoint(id))
          // In turned it was admitted to probe, it is out for all others until somebody answers.
          const isProbe = !wasOut && load.isEjected(endpoint(id))
          if (isProbe) assert(!open.some((attempt) => attempt.id === id && attempt.isProbe), 'one probe at a time')
          open.push({ id, isProbe })
        } else if (act === 'answer') load.onAttemptAnswer(endpoint(id))
        else if (act === 'end') end(verdict)
        else if (act === 'retry') load.onRetry(ORDERS)
        else if (act === 'forget') {
          load.forget([id])
          for (const attempt of open) if (attempt.id === id) attempt.isProbe = false
        } else {
          listed = act === 'leave' ? ids.slice(0, 2) : ids
          snapshots.apply([{ put: endpoints(listed) }])
          for (const attempt of open) if (!listed.includes(attempt.id)) attempt.isProbe = false
        }
        if (act === 'end' || act === 'answer') {
          for (const attempt of open) if (!load.isEjected(endpoint(attempt.id))) attempt.isProbe = false
        }
        if (listed === ids) assert(ids.filter((each) => load.isEjected(endpoint(each))).length <= 2)
      }
      while (open.length > 0) end('neutral')
      while (exchanges-- > 0) load.onExchangeEnd(ORDERS)
      for (const id of ids) assert.equal(load.inFlight(endpoint(id)), 0)
      assert.equal(load.serviceInFlight(ORDERS), 0)
    }),
  )
})

test('a service that is gone is forgotten when its last exchange ends', () => {
  const { load, snapshots } = build(['a'])
  load.onExchangeStart(ORDERS)
  load.onAttemptStart(ORDERS, endpoint('a'))
  snapshots.apply([{ delete: 'Endpoints', name: ORDERS }])
  assert.equal(load.inFlight(endpoint('a')), 1)
  load.onAttemptEnd(ORDERS, endpoint('a'), 5, 'failure', settings)
  load.onExchangeEnd(ORDERS)
  assert.equal(load.serviceInFlight(ORDERS), 0)
  assert.equal(load.turn(ORDERS), 0)
  snapshots.apply([{ put: endpoints(['a']) }])
  assert.equal(load.cost(endpoint('a')), 0, 'what ended after it left is not held against it')
})
