import assert from 'node:assert/strict'
import test from 'ava'
import { MESH_ERRORS, type MeshErrorCode, meshError } from '../../../sidecar/core/mesh-errors.ts'
import { afterAttempt } from '../../../sidecar/decide/after-attempt.ts'
import { decide } from '../../../sidecar/decide/decide.ts'
import type {
  AttemptContext,
  AttemptOutcome,
  AttemptPlan,
  RequestFacts,
  World,
} from '../../../sidecar/decide/decision.ts'
import { SILENT, StepRecorder } from '../../../sidecar/decide/trace-step.ts'
import { endpoints, retry, rule, service } from '../../support/resources.ts'
import { facts, load, world } from '../../support/worlds.ts'

const CONTEXT: AttemptContext = {
  canReplay: true,
  remainingMs: Number.POSITIVE_INFINITY,
  isOverMesh: true,
}
const failed = (code: MeshErrorCode): AttemptOutcome => ({ kind: 'error', error: meshError(code, 'it broke') })
const answered = (status: number, fields: readonly string[] = []): AttemptOutcome => ({
  kind: 'status',
  status,
  fields,
})

interface Case {
  readonly request?: Partial<RequestFacts>
  readonly outcome: AttemptOutcome
  readonly context?: Partial<AttemptContext>
  readonly settings?: Parameters<typeof retry>[0]
  readonly mayRetry?: boolean
  readonly ids?: readonly string[]
  readonly plan?: Partial<AttemptPlan>
}

function judge({ request, outcome, context, settings, mayRetry = true, ids = ['a', 'b'], plan }: Case) {
  const from: World = world([service({ routes: [rule({ retry: retry(settings) })] }), endpoints(ids)], {
    load: load({ mayRetry: () => mayRetry }),
  })
  const first = decide(facts(request), from, SILENT)
  assert(first.kind === 'forward')
  const recorder = new StepRecorder()
  const decision = afterAttempt({ ...first.plan, ...plan }, outcome, { ...CONTEXT, ...context }, from, recorder)
  const refused = recorder.steps.find(({ step }) => step === 'retry-refused')
  return { first, decision, because: refused?.step === 'retry-refused' ? refused.because : undefined }
}

test('what was provably not processed is tried again at once, elsewhere, whatever the method', () => {
  for (const code of ['connect-failure', 'refused'] as const) {
    const { first, decision } = judge({ request: { method: 'POST' }, outcome: failed(code) })
    assert(decision.kind === 'forward')
    assert.notEqual(decision.endpoint.id, first.endpoint.id)
    assert.equal(decision.delayMs, 0)
    assert.equal(decision.plan.attempt, 2)
    assert.deepEqual(decision.plan.tried, [first.endpoint.id, decision.endpoint.id])
  }
})

test('every error is tried again exactly as its row of the table says', () => {
  for (const code of Object.keys(MESH_ERRORS) as MeshErrorCode[]) {
    for (const method of ['GET', 'POST']) {
      const wanted =
        MESH_ERRORS[code].retry === 'unsent' || (MESH_ERRORS[code].retry === 'if-idempotent' && method === 'GET')
      const { decision } = judge({ request: { method }, outcome: failed(code) })
      assert.equal(decision.kind, wanted ? 'forward' : 'refuse', `${code} ${method}`)
    }
  }
})

test('what the callee’s sidecar could not hand over is tried again elsewhere at once, whatever the method; an application’s word is not believed', () => {
  const outcome = answered(503, ['x-outrigger-error', 'connect-failure'])
  for (const method of ['GET', 'POST']) {
    const { first, decision } = judge({ request: { method, priorAttempts: 1 }, outcome, settings: { statuses: [] } })
    assert(decision.kind === 'forward', method)
    assert.equal(decision.delayMs, 0)
    assert.notEqual(decision.endpoint.id, first.plan.tried[0])
  }
  const plain = judge({ request: { method: 'POST' }, outcome, context: { isOverMesh: false } })
  assert.equal(plain.decision.kind, 'relay')
  const unknown = judge({ request: { method: 'POST' }, outcome: answered(503, ['x-outrigger-error', '__proto__']) })
  assert.equal(unknown.decision.kind, 'relay')
})

test('a connection that could not be made costs no budget, as long as there is another endpoint', () => {
  const bySidecar = answered(503, ['x-outrigger-error', 'connect-failure'])
  for (const outcome of [failed('connect-failure'), bySidecar]) {
    const { decision } = judge({ outcome, mayRetry: false })
    assert(decision.kind === 'forward')
    assert.equal(decision.isFree, true)
    const third = judge({ outcome, mayRetry: false, plan: { attempt: 2 } })
    assert.match(third.because ?? '', /budget/, 'the first of them alone')
    const nowhereElse = judge({ outcome, mayRetry: false, ids: ['a'] })
    assert.match(nowhereElse.because ?? '', /budget/)
  }
  for (const outcome of [failed('refused'), answered(503)]) {
    const { decision } = judge({ outcome })
    assert(decision.kind === 'forward')
    assert.equal(decision.isFree, false, 'it was heard by somebody')
  }
  const { decision } = judge({ outcome: bySidecar, mayRetry: false, context: { isOverMesh: false } })
  assert.equal(decision.kind, 'relay', 'an application does not speak for the mesh')
})

test('a refused repeat keeps the error of the try, and says why', () => {
  const { decision } = judge({ request: { method: 'POST' }, outcome: failed('reset') })
  assert(decision.kind === 'refuse')
  assert.equal(decision.error.code, 'reset')
  assert.match(decision.error.detail, /^it broke; not tried again: .*POST is not idempotent/)
})

const FINAL: readonly (readonly [string, Case, RegExp])[] = [
  ['a status that is not listed', { outcome: answered(500) }, /status 500/],
  ['a method that is not idempotent', { request: { method: 'POST' }, outcome: answered(503) }, /not idempotent/],
  [
    'a request that an earlier sidecar repeats',
    { request: { priorAttempts: 1 }, outcome: answered(503) },
    /earlier sidecar/,
  ],
  [
    'a reset that an earlier sidecar repeats',
    { request: { priorAttempts: 1 }, outcome: failed('reset') },
    /earlier sidecar/,
  ],
  [
    'a final word of the callee’s sidecar',
    { outcome: answered(503, ['x-outrigger-error', 'circuit-open']) },
    /circuit-open/,
  ],
  ['a body that was not kept', { outcome: failed('connect-failure'), context: { canReplay: false } }, /body/],
  ['a deadline that has passed', { outcome: failed('connect-failure'), context: { remainingMs: 0 } }, /deadline/],
  ['a budget that is used up', { outcome: failed('refused'), mayRetry: false }, /budget/],
  ['as many repeats as allowed', { outcome: failed('connect-failure'), plan: { attempt: 3 } }, /2 repeats/],
  ['a route without repeats', { outcome: failed('connect-failure'), settings: { attempts: 0 } }, /0 repeats/],
  [
    'a Retry-After longer than a wait may be',
    { outcome: answered(503, ['retry-after', '1']) },
    /1000 ms, more than 250/,
  ],
  [
    'a Retry-After that is a date',
    { outcome: answered(503, ['retry-after', 'Fri, 31 Dec 1999 23:59:59 GMT']) },
    /date/,
  ],
  [
    'a Retry-After that does not fit the deadline',
    { outcome: answered(503, ['retry-after', '1']), settings: { backoffMaxMs: 5_000 }, context: { remainingMs: 900 } },
    /900 ms are left/,
  ],
]

test('there is no other try after', () => {
  for (const [name, given, why] of FINAL) {
    const { decision, because } = judge(given)
    assert.equal(decision.kind, given.outcome.kind === 'status' ? 'relay' : 'refuse', name)
    assert.match(because ?? '', why, name)
  }
})

test('a repeat that was worth making and was not made has its reason for metrics', () => {
  const reasons = FINAL.map(([, given]) => {
    const { decision } = judge(given)
    return decision.kind === 'relay' || decision.kind === 'refuse' ? decision.retryRefused : 'none'
  })
  assert.deepEqual(reasons, [
    undefined, // a status that is not listed
    'not-idempotent',
    'retried-earlier',
    'retried-earlier',
    undefined, // a final word
    'body',
    'deadline',
    'budget',
    'attempts',
    'attempts',
    'retry-after',
    'retry-after',
    'deadline',
  ])
})

test('a listed status of an idempotent request is tried again, after a wait with full jitter', () => {
  for (let i = 0; i < 50; i++) {
    const { decision } = judge({ outcome: answered(503) })
    assert(decision.kind === 'forward')
    assert(decision.delayMs >= 0 && decision.delayMs <= 25, String(decision.delayMs))
  }
})

test('a wait that the deadline leaves no room for is not begun', () => {
  const outcome = answered(503, ['retry-after', '1'])
  const settings = { backoffMaxMs: 1_000 }
  const after = (remainingMs: number) => judge({ outcome, settings, context: { remainingMs } })
  assert.equal(after(1_001).decision.kind, 'forward')
  assert.equal(after(1_000).decision.kind, 'relay')
  assert.match(after(1_000).because ?? '', /1000 ms are left/)
})

test('a Retry-After of as much as the longest wait fits, and a second more does not', () => {
  const after = (seconds: string) =>
    judge({ outcome: answered(503, ['retry-after', seconds]), settings: { backoffMaxMs: 2_000 } }).decision.kind
  assert.deepEqual([after('2'), after('3')], ['forward', 'relay'])
})

test('a code of no error that we know says nothing', () => {
  for (const said of ['nonsense', 'toString', '__proto__', '']) {
    assert.equal(judge({ outcome: answered(503, ['x-outrigger-error', said]) }).decision.kind, 'forward', said)
  }
})

test('when the endpoints have gone meanwhile, the failure is kept, and the reason is that there are none', () => {
  const { first } = judge({ outcome: failed('connect-failure') })
  const gone = world([service(), endpoints([])])
  const decision = afterAttempt(first.plan, failed('connect-failure'), CONTEXT, gone, SILENT)
  assert(decision.kind === 'refuse')
  assert.equal(decision.error.code, 'connect-failure')
  assert.equal(decision.retryRefused, 'no-endpoint')
})

test('a Retry-After that fits is waited for', () => {
  const { decision } = judge({ outcome: answered(503, ['retry-after', '2']), settings: { backoffMaxMs: 5_000 } })
  assert(decision.kind === 'forward')
  assert.equal(decision.delayMs, 2_000)
})

test('the only endpoint is tried again, but not at once', () => {
  const { first, decision } = judge({ outcome: failed('connect-failure'), ids: ['a'] })
  assert(decision.kind === 'forward')
  assert.equal(decision.endpoint.id, first.endpoint.id)
  assert(decision.delayMs > 0)
})

test('each further try goes to an endpoint that was not tried, as long as there is one', () => {
  const { decision } = judge({
    outcome: failed('refused'),
    ids: ['a', 'b', 'c'],
    plan: { tried: ['a', 'c'], attempt: 2 },
  })
  assert(decision.kind === 'forward')
  assert.equal(decision.endpoint.id, 'b')
})
