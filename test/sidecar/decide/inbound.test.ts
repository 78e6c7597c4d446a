import assert from 'node:assert/strict'
import test from 'ava'
import type { AuthorizationPolicy, AuthorizationRule, WorkloadResource } from '../../../sidecar/config/resources.ts'
import { decide } from '../../../sidecar/decide/decide.ts'
import type { Decision, RequestFacts } from '../../../sidecar/decide/decision.ts'
import { SILENT, StepRecorder, type TraceStep } from '../../../sidecar/decide/trace-step.ts'
import { authorization, policy, workload } from '../../support/resources.ts'
import { facts, world } from '../../support/worlds.ts'

const WEB = 'spiffe://mesh.local/ns/shop/sa/web'
const arriving = (change: Partial<RequestFacts> = {}): RequestFacts =>
  facts({ direction: 'inbound', port: 8080, ...change })

function judge(
  policies: AuthorizationPolicy[],
  request: Partial<RequestFacts> = {},
  { defaultAction = 'ALLOW', self = {} }: { defaultAction?: 'ALLOW' | 'DENY'; self?: Partial<WorkloadResource> } = {},
): Decision {
  return decide(arriving(request), world([workload(self), authorization(policies, defaultAction)]), SILENT)
}

const refusalOf = (decision: Decision): { code: string; detail: string; policy?: string } => {
  assert(decision.kind === 'refuse', decision.kind)
  return decision.error
}

test('an allowed request is delivered to the application, naming the rule that allowed it', () => {
  const allow = policy('ALLOW', [{ sources: [{ identities: [WEB] }] }], 'web')
  assert.deepEqual(judge([allow]), {
    kind: 'deliver',
    appPort: 8080,
    protocol: 'http',
    isUndeclared: false,
    policy: 'AuthorizationPolicy shop/web rule 0',
  })
})

test('the default holds only while there is no ALLOW policy', () => {
  assert.equal(judge([]).kind, 'deliver')
  assert.equal(refusalOf(judge([], {}, { defaultAction: 'DENY' })).code, 'denied')
  assert.equal(refusalOf(judge([policy('ALLOW', [{ methods: ['POST'] }])])).code, 'denied')
  assert.equal(judge([policy('DENY', [{ methods: ['POST'] }])]).kind, 'deliver')
})

test('an ALLOW policy without rules denies all', () => {
  assert.match(refusalOf(judge([policy('ALLOW', [])])).detail, /has no rules/)
})

test('DENY wins over ALLOW, and AUDIT does nothing', () => {
  const all = [policy('AUDIT', [{}]), policy('ALLOW', [{}]), policy('DENY', [{}], 'stop')]
  assert.equal(refusalOf(judge(all)).policy, 'AuthorizationPolicy shop/stop rule 0')
  assert.equal(judge(all.slice(0, 2)).kind, 'deliver')
})

test('without an identity STRICT refuses, PERMISSIVE leaves it to the policies', () => {
  const noCaller = { caller: undefined }
  assert.match(refusalOf(judge([], noCaller)).detail, /has no identity, and shop\/orders requires mutual TLS/)
  const self = { mtls: 'PERMISSIVE' } as const
  assert.equal(judge([], noCaller, { self }).kind, 'deliver')
  const allow = policy('ALLOW', [{ sources: [{ namespaces: ['shop'] }] }])
  assert.equal(judge([allow], noCaller, { self }).kind, 'refuse')
})

test('what was not told yet is not allowed yet', () => {
  for (const told of [[], [workload()], [authorization([])]]) {
    assert.equal(refusalOf(decide(arriving(), world(told), SILENT)).code, 'denied')
  }
})

test('only a port that the workload serves is delivered to; the only one when none is said', () => {
  assert.equal(refusalOf(judge([], { port: 9090 })).code, 'no-route')
  assert.deepEqual(judge([], { port: undefined }), {
    kind: 'deliver',
    appPort: 8080,
    protocol: 'http',
    isUndeclared: false,
    policy: undefined,
  })
  const two = [8080, 9090].map((appPort) => ({ service: 'shop/orders', port: 80, appPort, protocol: 'http' as const }))
  assert.equal(refusalOf(judge([], { port: undefined }, { self: { serves: two } })).code, 'no-route')
  assert.equal(refusalOf(judge([], { port: undefined }, { self: { serves: [] } })).code, 'no-route')
  const doubled = [...two.slice(0, 1), ...two.slice(0, 1)]
  assert.equal(judge([], { port: undefined }, { self: { serves: doubled } }).kind, 'deliver')
})

const exact = (value: string) => ({ type: 'exact', value }) as const
const header = (name: string, value: string) => ({ headers: [{ name, match: exact(value) }] })

const RULES: readonly (readonly [string, Partial<AuthorizationRule>, Partial<RequestFacts>, boolean])[] = [
  ['identity', { sources: [{ identities: [WEB] }] }, {}, true],
  ['identity, a dot is a dot', { sources: [{ identities: ['spiffe://mesh.local/ns/shop/sa/w.b'] }] }, {}, false],
  ['identity, no prefix', { sources: [{ identities: [`${WEB}2`] }] }, {}, false],
  ['namespace', { sources: [{ namespaces: ['shop'] }] }, {}, true],
  ['other namespace', { sources: [{ namespaces: ['sho'] }] }, {}, false],
  ['account', { sources: [{ serviceAccounts: ['shop/web'] }] }, {}, true],
  ['account elsewhere', { sources: [{ serviceAccounts: ['web/web'] }] }, {}, false],
  [
    'identity of another form',
    { sources: [{ namespaces: ['shop'] }] },
    { caller: 'spiffe://mesh.local/x/ns/shop/sa/web' },
    false,
  ],
  ['network', { sources: [{ cidrs: ['10.0.0.0/24'] }] }, {}, true],
  ['mapped network', { sources: [{ cidrs: ['10.0.0.0/24'] }] }, { callerAddress: '::ffff:10.0.0.9' }, true],
  ['v6 network', { sources: [{ cidrs: ['fd00::/8'] }] }, { callerAddress: 'fd00::1' }, true],
  ['no address', { sources: [{ cidrs: ['0.0.0.0/0'] }] }, { callerAddress: 'nonsense' }, false],
  ['other network', { sources: [{ cidrs: ['10.0.1.0/24'] }] }, {}, false],
  ['any source will do', { sources: [{ namespaces: ['x'] }, { identities: [WEB] }] }, {}, true],
  ['any list of a source will do', { sources: [{ namespaces: ['x'], identities: [WEB] }] }, {}, true],
  ['nobody', { sources: [{ identities: [] }] }, {}, false],
  ['port', { ports: [8080] }, {}, true],
  ['other port', { ports: [80] }, {}, false],
  ['method', { methods: ['POST', 'GET'] }, {}, true],
  ['host without case and port', { hosts: [exact('Orders')] }, { authority: 'orders:80' }, true],
  ['other host', { hosts: [exact('orders')] }, { authority: 'orders.shop' }, false],
  ['one of the hosts', { hosts: [exact('no'), exact('orders')] }, {}, true],
  ['host suffix, other host', { hosts: [{ type: 'suffix', value: '.shop' }] }, { authority: 'shop' }, false],
  ['host suffix', { hosts: [{ type: 'suffix', value: '.shop' }] }, { authority: 'orders.shop' }, true],
  ['path without query', { paths: [exact('/items')] }, { path: '/items?x=/admin' }, true],
  ['path below', { paths: [{ type: 'path-prefix', value: '/items' }] }, { path: '/itemsx' }, false],
  ['header', header('X-Team', 'a'), { fields: ['x-team', 'a'] }, true],
  [
    'header of another name',
    header('x-team', 'a'),
    { fields: ['x-teams', 'a', 'a', 'x-team', 'x-other', 'a, a'] },
    false,
  ],
  ['header of another name alone', header('x-team', 'a'), { fields: ['x-teams', 'a'] }, false],
  ['header of another value', header('x-team', 'a'), { fields: ['x-team', 'ab'] }, false],
  [
    'all headers',
    { headers: [...header('a', '1').headers, ...header('b', '2').headers] },
    { fields: ['a', '1'] },
    false,
  ],
  ['header absent', header('x-team', 'a'), {}, false],
  ['all predicates', { methods: ['GET'], paths: [exact('/no')] }, {}, false],
]

test('a rule means what it says, allowing and denying alike', () => {
  for (const [name, rule, request, isMatch] of RULES) {
    assert.equal(judge([policy('ALLOW', [rule])], request).kind, isMatch ? 'deliver' : 'refuse', `ALLOW ${name}`)
    assert.equal(judge([policy('DENY', [rule])], request).kind, isMatch ? 'refuse' : 'deliver', `DENY ${name}`)
  }
})

test('a repeated header allows only if all of its values do, and denies if any does', () => {
  for (const fields of [
    ['x-team', 'a', 'x-team', 'b'],
    ['x-team', 'b', 'x-team', 'a'],
    ['x-team', 'a, b'],
    ['x-team', 'b,a'],
  ]) {
    assert.equal(judge([policy('ALLOW', [header('x-team', 'a')])], { fields }).kind, 'refuse', `ALLOW ${fields}`)
    assert.equal(judge([policy('DENY', [header('x-team', 'a')])], { fields }).kind, 'refuse', `DENY ${fields}`)
  }
})

test('a list holds a member only where it is one, whole and without blanks about it', () => {
  const denies = (value: string, wanted = 'a'): boolean =>
    judge([policy('DENY', [header('x-team', wanted)])], { fields: ['x-team', value] }).kind === 'refuse'
  for (const value of ['a,', ',a', 'b, a', 'b,\ta \t,c', 'aa,a', ',,a,,', 'b,a']) assert.ok(denies(value), value)
  for (const value of ['b', 'b,', 'aa,ba', 'a b,c', 'b,\u00a0a', 'xa,ax,xax', ',']) assert.ok(!denies(value), value)
  assert.ok(denies('b,,c', ''), 'an empty member')
})

test('a rule for a path denies in every reading, and allows only in all of them', () => {
  const admin: Partial<AuthorizationRule> = { paths: [{ type: 'path-prefix', value: '/admin' }] }
  const items: Partial<AuthorizationRule> = { paths: [{ type: 'path-prefix', value: '/items' }] }
  for (const path of ['/admin%2Fdelete', '/x/..%2Fadmin', '/admin;a=1/x', '/items/..;/admin', '/items/..%5Cadmin?q']) {
    assert.equal(judge([policy('DENY', [admin])], { path }).kind, 'refuse', `DENY ${path}`)
  }
  for (const path of ['/items/..%2Fadmin', '/items/..;/admin', '/items%2F../admin']) {
    assert.equal(judge([policy('ALLOW', [items])], { path }).kind, 'refuse', `ALLOW ${path}`)
  }
  for (const path of ['/items/a%2Fb', '/items/a;v=1', '/items/a%20b', '/items/%E4%BD%A0;x']) {
    assert.equal(judge([policy('ALLOW', [items])], { path }).kind, 'deliver', `ALLOW ${path}`)
    assert.equal(judge([policy('DENY', [admin])], { path }).kind, 'deliver', `DENY ${path}`)
  }
  const spelt: Partial<AuthorizationRule> = { paths: [{ type: 'path-prefix', value: '/a%2Fb;v=1' }] }
  assert.equal(judge([policy('ALLOW', [spelt])], { path: '/a%2Fb;v=1/c' }).kind, 'deliver')
  assert.equal(judge([policy('ALLOW', [spelt])], { path: '/a/b' }).kind, 'refuse')
  assert.equal(judge([policy('ALLOW', [spelt])], { path: '/a%2Fb;v=1/..%2Fc' }).kind, 'refuse')
  assert.equal(judge([policy('DENY', [spelt])], { path: '/a/b' }).kind, 'deliver', 'what is not meant is not denied')
  const { detail } = refusalOf(judge([policy('ALLOW', [items], 'p')], { path: '/items/..%2Fadmin' }))
  assert.match(
    detail,
    /path is "\/items\/\.\.%2Fadmin", which some applications read as "\/admin", wanted prefix "\/items"$/,
  )
})

test('a refusal names manifest, rule and the first predicate that failed', () => {
  const { detail, policy: named } = refusalOf(
    judge([
      policy(
        'ALLOW',
        [
          { sources: [{ serviceAccounts: ['shop/admin'] }] },
          {
            methods: ['POST'],
          },
        ],
        'admins',
      ),
    ]),
  )
  assert.equal(
    detail,
    `no policy allows it: AuthorizationPolicy shop/admins rule 0: caller is ${WEB}, wanted service account shop/admin; nor does any of 1 more`,
  )
  assert.equal(named, 'AuthorizationPolicy shop/admins')
})

const SAID: readonly (readonly [Partial<AuthorizationRule>, Partial<RequestFacts>, string])[] = [
  [
    { sources: [{ identities: ['spiffe://mesh.local/x'] }, { namespaces: ['n'] }, { cidrs: ['10.9.0.0/16'] }] },
    {},
    `caller is ${WEB}, wanted spiffe://mesh.local/x, namespace n, 10.9.0.0/16`,
  ],
  [{ sources: [] }, {}, `caller is ${WEB}, wanted nobody`],
  [{ ports: [80, 81] }, {}, 'port is 8080, wanted 80 or 81'],
  [{ methods: ['PUT', 'POST'] }, {}, 'method is GET, wanted PUT or POST'],
  [{ hosts: [exact('no')] }, {}, 'host is "orders", wanted "no"'],
  [{ paths: [exact('/no')] }, { path: '/items?secret' }, 'path is "/items", wanted "/no"'],
  [header('x-team', 'a'), { fields: ['x-team', 'b', 'x-team', 'c'] }, 'header x-team is "b" and "c", wanted "a"'],
  [header('x-team', 'a'), {}, 'header x-team is absent, wanted "a"'],
]
test('a refusal says what was found and what was wanted, for each predicate', () => {
  for (const [rule, request, said] of SAID) {
    const { detail } = refusalOf(judge([policy('ALLOW', [rule], 'p')], request))
    assert.equal(detail, `no policy allows it: AuthorizationPolicy shop/p rule 0: ${said}`)
  }
})

test('a refusal of a port says whether none was named, and which are served', () => {
  const serves = [8080, 9090, 9090].map((appPort, i) => ({
    service: `shop/s${i}`,
    port: 80,
    appPort,
    protocol: 'http' as const,
  }))
  const said = (port: number | undefined, self: Partial<WorkloadResource>): string =>
    refusalOf(judge([], { port }, { self })).detail
  assert.match(said(undefined, { serves }), /did not say which port is meant.*8080, 9090$/)
  assert.match(said(7070, { serves }), /port 7070 is not served.*8080, 9090$/)
  assert.match(said(7070, { serves: [] }), /none$/)
})

test('the trace tells of audits, of rules that were passed over, and of the verdict', () => {
  const recorder = new StepRecorder()
  const policies = [policy('AUDIT', [{}]), policy('DENY', [{ methods: ['PUT'] }]), policy('ALLOW', [{}])]
  decide(arriving(), world([workload(), authorization(policies)]), recorder)
  assert.deepEqual(recorder.steps, [
    { step: 'policy-matched', policy: 'AuthorizationPolicy shop/audit', rule: 0, action: 'AUDIT' },
    { step: 'policy-skipped', policy: 'AuthorizationPolicy shop/deny', rule: 0, because: 'method is GET, wanted PUT' },
    { step: 'policy-matched', policy: 'AuthorizationPolicy shop/allow', rule: 0, action: 'ALLOW' },
    { step: 'authorization', verdict: 'allowed', because: 'AuthorizationPolicy shop/allow rule 0' },
  ])
})

test('a rule that is passed over for the same reason again is the same step, for another reason another', () => {
  const where = world([workload(), authorization([policy('DENY', [{ methods: ['PUT'] }])])])
  const firstStepOf = (method: string): TraceStep | undefined => {
    const recorder = new StepRecorder()
    decide(arriving({ method }), where, recorder)
    return recorder.steps[0]
  }
  const [get, again, head] = [firstStepOf('GET'), firstStepOf('GET'), firstStepOf('HEAD')]
  assert.equal(get, again)
  assert.match(JSON.stringify(get), /method is GET, wanted PUT/)
  assert.match(JSON.stringify(head), /method is HEAD, wanted PUT/)
})

test('what goes through a tunnel is seen by no policy: a port of HTTP takes no CONNECT, and one of TCP nothing else', () => {
  const speaking = (protocol: 'http' | 'http2' | 'grpc' | 'tcp') => ({
    self: { serves: [{ service: 'shop/orders', port: 80, appPort: 8080, protocol }] },
  })
  for (const protocol of ['http', 'http2', 'grpc'] as const) {
    assert.equal(refusalOf(judge([], { method: 'CONNECT' }, speaking(protocol))).code, 'not-implemented')
    assert.equal(judge([], {}, speaking(protocol)).kind, 'deliver')
  }
  assert.equal(judge([], { method: 'CONNECT' }, speaking('tcp')).kind, 'deliver')
  assert.equal(refusalOf(judge([], {}, speaking('tcp'))).code, 'no-route')
})
