import assert from 'node:assert/strict'
import test from 'ava'
import type { DecidedHalf, Explanation } from '../../../cli/explain/explain-request.ts'
import { renderExplanation } from '../../../cli/explain/render-explanation.ts'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import type { Decision } from '../../../sidecar/decide/decision.ts'
import type { TraceStep } from '../../../sidecar/decide/trace-step.ts'
import { explain } from './explain-world.ts'

const request = { method: 'GET', authority: 'orders', port: undefined, path: '/', fields: [] }
const refused: Decision = { kind: 'refuse', error: meshError('no-endpoints', 'nobody is left') }

function rendered(outbound: Partial<DecidedHalf>, inbound?: Partial<DecidedHalf>): readonly string[] {
  const explanation: Explanation = {
    request,
    outbound: { workload: 'shop/web', decision: refused, steps: [], ...outbound },
    inbound: inbound && { workload: 'shop/orders-1', decision: refused, steps: [], ...inbound },
  }
  return renderExplanation(explanation).split('\n')
}

const [service, route, endpoint, policy] = ['shop/orders', 'HTTPRoute shop/o', 'orders-1', 'AuthorizationPolicy shop/p']
const address = '127.0.0.1:15008'

/** Every step → what a person reads. A kind of step that is new is missed here by the compiler. */
const STEPS: { readonly [S in TraceStep['step']]: readonly (readonly [TraceStep & { step: S }, string])[] } = {
  'service-found': [
    [{ step: 'service-found', service, by: 'host' }, 'service shop/orders, found by host'],
    [{ step: 'service-found', service, by: 'listener' }, 'service shop/orders, found by listener'],
  ],
  'service-missing': [
    [{ step: 'service-missing', host: 'x', known: ['a', 'b'] }, 'no service is called "x"; known: a, b'],
    [{ step: 'service-missing', host: 'x', known: [] }, 'no service is called "x"; known: none'],
  ],
  'route-rejected': [
    [{ step: 'route-rejected', route, rule: 1, because: 'no' }, '✘ route HTTPRoute shop/o rule 1: no'],
  ],
  'route-matched': [[{ step: 'route-matched', route, rule: 0, match: 'all' }, '✔ route HTTPRoute shop/o rule 0: all']],
  'backend-chosen': [
    [{ step: 'backend-chosen', service, port: 80, weight: 9, ofTotal: 10 }, 'backend shop/orders:80, weight 9 of 10'],
  ],
  'backend-invalid': [
    [{ step: 'backend-invalid', service, because: 'it is not there' }, '✘ backend shop/orders: it is not there'],
  ],
  'endpoint-rejected': [
    [{ step: 'endpoint-rejected', endpoint, because: 'it is ejected' }, '✘ endpoint orders-1: it is ejected'],
  ],
  'endpoint-considered': [
    [{ step: 'endpoint-considered', endpoint, address, cost: 0 }, 'endpoint orders-1 at 127.0.0.1:15008'],
    [
      { step: 'endpoint-considered', endpoint, address, cost: 1.23456 },
      'endpoint orders-1 at 127.0.0.1:15008, cost 1.235',
    ],
  ],
  'endpoint-picked': [
    [
      { step: 'endpoint-picked', endpoint, address, balancer: 'round-robin' },
      '✔ endpoint orders-1 at 127.0.0.1:15008, by round-robin',
    ],
  ],
  panic: [
    [
      { step: 'panic', service, ejected: 2, of: 3 },
      'too many endpoints of shop/orders are ejected (2 of 3): all are used',
    ],
  ],
  'limit-reached': [
    [{ step: 'limit-reached', service, limit: 'maxRequests', value: 7 }, '✘ maxRequests of shop/orders is reached: 7'],
  ],
  'policy-skipped': [
    [{ step: 'policy-skipped', policy, rule: 2, because: 'no' }, '✘ AuthorizationPolicy shop/p rule 2: no'],
  ],
  'policy-matched': [
    [{ step: 'policy-matched', policy, rule: 2, action: 'AUDIT' }, '✔ AuthorizationPolicy shop/p rule 2: AUDIT'],
  ],
  authorization: [
    [{ step: 'authorization', verdict: 'denied', because: 'of rule 2' }, 'authorization: denied: of rule 2'],
  ],
  'retry-plan': [
    [
      { step: 'retry-plan', attempts: 2, on: ['refused', '503'], isIdempotent: true, because: 'GET is' },
      'retries: up to 2, on refused, 503; GET is',
    ],
    [
      { step: 'retry-plan', attempts: 0, on: ['refused'], isIdempotent: false, because: 'POST is not' },
      'retries: none; POST is not',
    ],
  ],
  'retry-decided': [[{ step: 'retry-decided', attempt: 2, because: 'of 503' }, 'try 2: of 503']],
  'retry-refused': [[{ step: 'retry-refused', because: 'the budget is used' }, 'no further try: the budget is used']],
  timeouts: [
    [
      { step: 'timeouts', requestMs: 500, responseMs: 0, perTryMs: 0 },
      'timeouts: request 500 ms, response none, each try none',
    ],
    [
      { step: 'timeouts', requestMs: 0, responseMs: 400, perTryMs: 250 },
      'timeouts: request none, response 400 ms, each try 250 ms',
    ],
  ],
}

for (const [name, cases] of Object.entries(STEPS)) {
  test(`the step ${name} is one line, on either side`, () => {
    for (const [step, line] of cases) {
      assert.equal(rendered({ steps: [step] })[3], `  ${line}`)
      assert.equal(rendered({}, { steps: [step] })[6], `  ${line}`)
    }
  })
}

test('each half has its title, its steps in order and its outcome last', () => {
  const [first, second] = [STEPS['retry-decided'][0]?.[0], STEPS['retry-refused'][0]?.[0]] as TraceStep[]
  assert(first !== undefined && second !== undefined)
  const deliver: Decision = {
    kind: 'deliver',
    appPort: 8_080,
    protocol: 'http',
    isUndeclared: false,
    policy: undefined,
  }
  assert.deepEqual(rendered({ steps: [first, second] }, { steps: [second], decision: deliver }).slice(1), [
    '',
    'leaving shop/web',
    '  try 2: of 503',
    '  no further try: the budget is used',
    '  ⇒ refuse with no-endpoints: nobody is left',
    '',
    'arriving at shop/orders-1',
    '  no further try: the budget is used',
    "  ⇒ deliver to the application's port 8080",
  ])
})

/** How both halves were decided → the first line. */
const forward = explain('http://orders/').outbound.decision
const plain: Decision =
  forward.kind === 'forward'
    ? { ...forward, endpoint: { ...forward.endpoint, transport: 'plain', identity: undefined as never } }
    : forward
const goes = 'GET http://orders/ goes to shop/orders:80 at orders-1'
const ANSWERS: readonly (readonly [Decision, Decision | undefined, string])[] = [
  [refused, undefined, "✘ GET http://orders/ is refused by shop/web's sidecar: no-endpoints: nobody is left"],
  [
    { kind: 'answer', response: { status: 301, fields: [], body: '' } },
    undefined,
    "↩ GET http://orders/ is answered by shop/web's sidecar with 301",
  ],
  [
    forward,
    { kind: 'deliver', appPort: 8_080, protocol: 'http', isUndeclared: false, policy: undefined },
    `✔ ${goes} and is let in`,
  ],
  [
    forward,
    { kind: 'refuse', error: meshError('denied', 'no', 'AuthorizationPolicy shop/p rule 0') },
    `✘ ${goes} and is refused there: denied (AuthorizationPolicy shop/p rule 0): no`,
  ],
  [forward, { kind: 'refuse', error: meshError('denied', 'no') }, `✘ ${goes} and is refused there: denied: no`],
  [plain, undefined, `✔ ${goes}, which has no sidecar`],
]

test('the first line is the answer', () => {
  for (const [outbound, inbound, line] of ANSWERS)
    assert.equal(rendered({ decision: outbound }, inbound && { decision: inbound })[0], line)
})
