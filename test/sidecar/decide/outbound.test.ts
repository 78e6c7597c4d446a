import assert from 'node:assert/strict'
import test from 'ava'
import type { Resource, RouteRule } from '../../../sidecar/config/resources.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { decide } from '../../../sidecar/decide/decide.ts'
import type { Decision, RequestFacts, World } from '../../../sidecar/decide/decision.ts'
import { SILENT, StepRecorder, type TraceStep } from '../../../sidecar/decide/trace-step.ts'
import { endpoint, endpoints, retry, rule, service, traffic } from '../../support/resources.ts'
import { facts, load, world } from '../../support/worlds.ts'

const plainWorld = (): World => world([service(), endpoints(['a', 'b'])])
const withRules = (...routes: RouteRule[]): World => world([service({ routes }), endpoints(['a'])])
const exact = (value: string) => ({ type: 'exact', value }) as const
const prefix = (value: string) => ({ type: 'path-prefix', value }) as const

function refusal(decision: Decision): { code: string; detail: string; policy: string | undefined } {
  assert(decision.kind === 'refuse', `refused, not ${decision.kind}`)
  const { code, detail, policy } = decision.error
  return { code, detail, policy }
}

function forwarded(decision: Decision): Decision & { kind: 'forward' } {
  assert(decision.kind === 'forward', JSON.stringify(decision))
  return decision
}

function traced(request: RequestFacts, from: World): readonly TraceStep[] {
  const recorder = new StepRecorder()
  decide(request, from, recorder)
  return recorder.steps
}

test('a request is forwarded to an endpoint of the service that its host means', () => {
  const { endpoint, plan, delayMs } = forwarded(decide(facts(), plainWorld(), SILENT))
  assert.equal(plan.service, 'shop/orders')
  assert.deepEqual(plan.tried, [endpoint.id])
  assert.equal(delayMs, 0)
})

test('the host may carry a port and a case', () => {
  for (const authority of ['orders:80', 'ORDERS', 'orders.shop']) {
    assert.equal(decide(facts({ authority }), plainWorld(), SILENT).kind, 'forward', authority)
  }
})

test("a listener's service wins over the host", () => {
  const request = facts({ service: 'shop/orders', authority: '127.0.0.1:9101' })
  assert.equal(decide(request, plainWorld(), SILENT).kind, 'forward')
})

test('an unknown host is refused with the host and the services that are known', () => {
  const { code, detail } = refusal(decide(facts({ authority: 'ordres:80' }), plainWorld(), SILENT))
  assert.equal(code, 'no-route')
  assert.match(detail, /"ordres".*known services: shop\/orders/)
})

test('a port that the service has not is refused', () => {
  assert.match(
    refusal(decide(facts({ authority: 'orders:81' }), plainWorld(), SILENT)).detail,
    /no port "orders:81"; it has 80/,
  )
})

test('hosts named like properties of objects mean no service', () => {
  for (const authority of ['__proto__', 'constructor', 'tostring']) {
    assert.equal(refusal(decide(facts({ authority }), plainWorld(), SILENT)).code, 'no-route')
  }
})

test('a path that is not canonical is refused before any policy reads it', () => {
  for (const path of ['/a/../b', '//a', '/%61', '/a#b', 'a']) {
    assert.equal(refusal(decide(facts({ path }), plainWorld(), SILENT)).code, 'bad-request', path)
  }
})

test('a request that passed too many sidecars is a loop, whichever of its counts says so', () => {
  const hops = (...values: string[]) => facts({ fields: values.flatMap((value) => ['x-outrigger-hops', value]) })
  assert.equal(decide(hops('32'), plainWorld(), SILENT).kind, 'forward')
  for (const values of [['33'], ['1', '33'], ['33', '1'], ['9e9'], ['']]) {
    assert.equal(refusal(decide(hops(...values), plainWorld(), SILENT)).code, 'loop', values.join())
  }
})

const PREDICATES: readonly (readonly [string, Partial<RouteRule['match']>, Partial<RequestFacts>, boolean])[] = [
  ['exact path', { path: exact('/items') }, { path: '/items?a=1' }, true],
  ['exact path, more', { path: exact('/items') }, { path: '/items/1' }, false],
  ['prefix itself', { path: prefix('/abc') }, { path: '/abc' }, true],
  ['prefix with slash', { path: prefix('/abc') }, { path: '/abc/' }, true],
  ['prefix below', { path: prefix('/abc/') }, { path: '/abc/d' }, true],
  ['prefix trailing slash ignored', { path: prefix('/abc/') }, { path: '/abc?q' }, true],
  ['prefix of an element', { path: prefix('/abc') }, { path: '/abcd' }, false],
  ['prefix root', { path: prefix('/') }, { path: '/x' }, true],
  ['method', { method: 'GET' }, {}, true],
  ['method in another case', { method: 'GET' }, { method: 'get' }, false],
  ['header', { headers: [{ name: 'X-Env', match: exact('test') }] }, { fields: ['x-env', 'test'] }, true],
  ['header differs', { headers: [{ name: 'x-env', match: exact('test') }] }, { fields: ['x-env', 'prod'] }, false],
  [
    'second of two',
    { headers: [{ name: 'x-env', match: exact('test') }] },
    { fields: ['x-env', 'a', 'x-env', 'test'] },
    true,
  ],
  ['header absent', { headers: [{ name: 'x-env', match: { type: 'present', value: '' } }] }, {}, false],
  [
    'value is no name',
    { headers: [{ name: 'x-env', match: exact('b') }] },
    { fields: ['a', 'x-env', 'b', 'c'] },
    false,
  ],
  ['query', { query: [{ name: 'v', match: exact('a b') }] }, { path: '/items?x=1&v=a%20b' }, true],
  ['query differs', { query: [{ name: 'v', match: exact('2') }] }, { path: '/items?v=1' }, false],
  ['query absent', { query: [{ name: '__proto__', match: exact('2') }] }, { path: '/items' }, false],
]

test('a rule matches when all of its predicates hold', () => {
  for (const [name, match, request, isMatch] of PREDICATES) {
    const decision = decide(facts(request), withRules(rule({}, match)), SILENT)
    assert.equal(decision.kind, isMatch ? 'forward' : 'refuse', name)
  }
})

test('a rule for other ports is passed over', () => {
  assert.equal(refusal(decide(facts(), withRules(rule({ ports: [81] })), SILENT)).code, 'no-route')
})

test('the first rule that matches is taken', () => {
  const from = withRules(
    rule({ rule: 0 }, { path: exact('/other') }),
    rule({ rule: 1 }, { path: prefix('/items') }),
    rule({ rule: 2 }, {}),
  )
  assert.equal(forwarded(decide(facts(), from, SILENT)).plan.route?.rule, 1)
})

test('a refusal names the manifest, the rule and the first predicate that failed', () => {
  const from = withRules(rule({ rule: 3 }, { headers: [{ name: 'x-env', match: exact('test') }] }))
  const { detail, policy } = refusal(decide(facts({ fields: ['x-env', 'prod'] }), from, SILENT))
  assert.match(detail, /HTTPRoute shop\/orders rule 3: header x-env is "prod", wanted "test"/)
  assert.equal(policy, 'HTTPRoute shop/orders rule 3')
})

test('the trace tells of each rule that was passed over, and why', () => {
  const from = withRules(rule({}, { method: 'POST' }), rule({ rule: 1 }, { path: prefix('/items') }))
  const steps = traced(facts(), from).filter(({ step }) => step.startsWith('route-'))
  assert.deepEqual(steps, [
    { step: 'route-rejected', route: 'HTTPRoute shop/orders', rule: 0, because: 'method is GET, wanted POST' },
    { step: 'route-matched', route: 'HTTPRoute shop/orders', rule: 1, match: 'path prefix "/items"' },
  ])
})

test('a recorder that is off is never called, and nothing is decided differently', () => {
  const deaf = { isOn: false, record: () => assert.fail('nobody listens') }
  for (const request of [facts(), facts({ authority: 'nobody' }), facts({ direction: 'inbound' })]) {
    const loud = decide(request, plainWorld(), new StepRecorder())
    assert.deepEqual(decide(request, plainWorld(), deaf), loud)
  }
})

test('weights share the traffic', () => {
  const backends = [
    { service: 'shop/v1', port: 80, weight: 90 },
    { service: 'shop/v0', port: 80, weight: 0 },
    { service: 'shop/v2', port: 80, weight: 10 },
  ]
  const from = world([
    service({ routes: [rule({ backends })] }),
    endpoints(['1'], 'shop/v1'),
    endpoints(['2'], 'shop/v2'),
  ])
  const counts = new Map<string, number>()
  for (let i = 0; i < 2_000; i++) {
    const name = forwarded(decide(facts(), from, SILENT)).plan.service
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  assert.equal(counts.get('shop/v0'), undefined)
  const share = (counts.get('shop/v2') ?? 0) / 2_000
  assert(share > 0.07 && share < 0.13, `v2 has ${share}`)
})

test('a share ends where the next begins', () => {
  const backends = [90, 0, 10].map((weight, i) => ({ service: `shop/v${i}`, port: 80, weight }))
  const resources = [
    service({ routes: [rule({ backends })] }),
    endpoints(['0'], 'shop/v0'),
    endpoints(['2'], 'shop/v2'),
  ]
  for (const [chance, wanted] of [
    [0, 'shop/v0'],
    [0.899, 'shop/v0'],
    [0.9, 'shop/v2'],
    [0.999, 'shop/v2'],
  ] as const) {
    const decision = decide(facts(), world(resources, { random: () => chance }), SILENT)
    assert.equal(forwarded(decision).plan.service, wanted, String(chance))
  }
})

/** Ports of a service, what the request says, and the port that it means. */
const PORTS: readonly (readonly [readonly number[], Partial<RequestFacts>, number | undefined])[] = [
  [[80], {}, 80],
  [[8080], {}, 8080],
  [[8080], { authority: 'orders:8080' }, 8080],
  [[8080], { authority: 'orders:80' }, undefined],
  [[8080], { service: 'shop/orders', authority: 'anything:1' }, 8080],
  [[8080, 80], {}, 80],
  [[8080, 9090], {}, 8080],
  [[8080, 9090], { authority: 'orders:9090' }, 9090],
  [[8080, 9090], { authority: 'orders:80' }, undefined],
  [[8080, 80], { service: 'shop/orders', authority: 'orders:8080' }, 80],
  [[8080, 9090], { port: 9090, authority: 'orders:8080' }, 9090],
  [[8080, 9090], { port: 7070 }, undefined],
]
test('a request means the port that its listener says, else its host, else 80, else the first', () => {
  for (const [ports, request, wanted] of PORTS) {
    const resource = service({
      ports: ports.map((port) => ({ port, protocol: 'http' })),
      routes: ports.map((port) => rule({ ports: [port], rule: port })),
    })
    const decision = decide(facts(request), world([resource, endpoints(['a'])]), SILENT)
    if (wanted === undefined) assert.equal(refusal(decision).code, 'no-route', JSON.stringify([ports, request]))
    else assert.equal(forwarded(decision).plan.route?.rule, wanted, JSON.stringify([ports, request]))
  }
})

test('a backend that is refused says why', () => {
  const said = (backends: RouteRule['backends']) =>
    refusal(decide(facts(), withRules(rule({ backends })), SILENT)).detail
  assert.equal(said([]), 'HTTPRoute shop/orders rule 0 has no backend')
  assert.equal(
    said([{ service: 'shop/orders', port: 80, weight: 0 }]),
    'HTTPRoute shop/orders rule 0 gives no backend any weight',
  )
  assert.equal(
    said([{ service: 'shop/gone', port: 80, weight: 1, invalid: 'it does not exist' }]),
    'HTTPRoute shop/orders rule 0: backend shop/gone:80: it does not exist',
  )
})

test('the trace says by what a service was found', () => {
  const by = (request: Partial<RequestFacts>) =>
    traced(facts(request), plainWorld()).find(({ step }) => step === 'service-found')
  assert.deepEqual(by({}), { step: 'service-found', service: 'shop/orders', by: 'host' })
  assert.deepEqual(by({ service: 'shop/orders' }), { step: 'service-found', service: 'shop/orders', by: 'listener' })
})

test('the share of an invalid backend, of none and of no weight is refused', () => {
  const invalid = { service: 'shop/gone', port: 80, weight: 1, invalid: 'Service shop/gone does not exist' }
  const cases = [[invalid], [], [{ service: 'shop/orders', port: 80, weight: 0 }]]
  for (const backends of cases) {
    const { code, policy } = refusal(decide(facts(), withRules(rule({ backends })), SILENT))
    assert.equal(code, 'invalid-backend')
    assert.equal(policy, 'HTTPRoute shop/orders rule 0')
  }
})

test('endpoints, balancer and breaker are those of the backend, timeouts and retries those of rule and addressed service', () => {
  const v2 = service({
    name: 'shop/v2',
    hostnames: [],
    traffic: traffic({ requestTimeoutMs: 1, circuitBreaker: { maxConnections: 1, maxRequests: 7, maxPending: 1 } }),
  })
  const routes = [
    rule({ backends: [{ service: 'shop/v2', port: 80, weight: 1 }], responseTimeoutMs: 7, perTryTimeoutMs: 9 }),
  ]
  const from = world([
    service({ routes, traffic: traffic({ retry: retry({ attempts: 1 }) }) }),
    v2,
    endpoints(['x'], 'shop/v2'),
  ])
  const { endpoint, plan } = forwarded(decide(facts(), from, SILENT))
  assert.equal(endpoint.id, 'x')
  assert.equal(plan.traffic.circuitBreaker.maxRequests, 7)
  assert.equal(plan.requestTimeoutMs, 10_000)
  assert.equal(plan.responseTimeoutMs, 7)
  assert.equal(plan.perTryTimeoutMs, 9)
  assert.equal(plan.retry.attempts, 1)
})

test('the circuit breaker refuses at its limit, not below', () => {
  const inFlight = (count: number) => ({ ...plainWorld(), load: load({ serviceInFlight: () => count }) })
  assert.equal(decide(facts(), inFlight(999), SILENT).kind, 'forward')
  assert.deepEqual(refusal(decide(facts(), inFlight(1_000), SILENT)), {
    code: 'circuit-open',
    detail: 'shop/orders has 1000 exchanges in flight, the limit of TrafficPolicy shop/defaults',
    policy: 'TrafficPolicy shop/defaults',
  })
})

test('no endpoints and unknown endpoints are refused, each in its words', () => {
  assert.match(refusal(decide(facts(), world([service(), endpoints([])]), SILENT)).detail, /no endpoint that is up/)
  assert.match(refusal(decide(facts(), world([service()]), SILENT)).detail, /not known/)
})

test('an ejected endpoint is passed over', () => {
  const from = { ...plainWorld(), load: load({ isEjected: ({ id }) => id === 'a' }) }
  for (let i = 0; i < 50; i++) assert.equal(forwarded(decide(facts(), from, SILENT)).endpoint.id, 'b')
})

test('when more are ejected than may be, all are used: panic', () => {
  const from = world([service(), endpoints(['a', 'b', 'c'])], { load: load({ isEjected: ({ id }) => id !== 'c' }) })
  const picked = new Set<string>()
  for (let i = 0; i < 100; i++) picked.add(forwarded(decide(facts(), from, SILENT)).endpoint.id)
  assert.deepEqual([...picked].sort(), ['a', 'b', 'c'])
  assert(traced(facts(), from).some(({ step }) => step === 'panic'))
})

test('header edits go along, shared by all requests of the rule', () => {
  const request = { set: [{ name: 'x-a', value: '1' }], add: [], remove: [] }
  const from = withRules(rule({ filters: { request } }))
  const first = forwarded(decide(facts(), from, SILENT)).edits
  assert.deepEqual(first, { authority: undefined, path: undefined, request, response: undefined })
  assert.equal(forwarded(decide(facts(), from, SILENT)).edits, first)
})

/** Gateway API, HTTPPathModifier.replacePrefixMatch: path, prefix matched, replacement, result. */
const REPLACED: readonly (readonly [string, string, string, string])[] = [
  ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo/', '/foo', '/xyz', '/xyz/'],
  ['/foo/bar', '/foo', '', '/bar'],
  ['/foo/', '/foo', '', '/'],
  ['/foo', '/foo', '', '/'],
  ['/foo/', '/foo', '/', '/'],
  ['/foo', '/foo', '/', '/'],
  ['/bar', '/', '/xyz', '/xyz/bar'],
]

test('a matched prefix is replaced as the Gateway API says, and the query stays', () => {
  for (const [path, matched, value, wanted] of REPLACED) {
    const filters = { rewrite: { hostname: 'v2', path: { type: 'replace-prefix', value } as const } }
    const { edits } = forwarded(
      decide(facts({ path: `${path}?q=/foo` }), withRules(rule({ filters }, { path: prefix(matched) })), SILENT),
    )
    assert.equal(edits?.path, `${wanted}?q=/foo`, `${path} ${matched} ${value}`)
    assert.equal(edits?.authority, 'v2')
  }
})

test('a whole path is replaced, and the query stays', () => {
  const filters = { rewrite: { path: { type: 'replace-full', value: '/new' } as const } }
  assert.equal(
    forwarded(decide(facts({ path: '/items?q=1' }), withRules(rule({ filters })), SILENT)).edits?.path,
    '/new?q=1',
  )
})

const REDIRECTS: readonly (readonly [string, NonNullable<RouteRule['filters']['redirect']>, string])[] = [
  ['orders', { status: 302, hostname: 'other' }, 'http://other/items?q=1'],
  ['orders:8080', { status: 301, hostname: 'other' }, 'http://other:8080/items?q=1'],
  ['orders:8080', { status: 301, scheme: 'https' }, 'https://orders/items?q=1'],
  ['orders:80', { status: 301, scheme: 'https', port: 8443 }, 'https://orders:8443/items?q=1'],
  ['orders:80', { status: 301 }, 'http://orders/items?q=1'],
  ['orders', { status: 303, path: { type: 'replace-full', value: '/x' } }, 'http://orders/x?q=1'],
]

test('a redirect answers with the location, leaving what it does not change', () => {
  for (const [authority, redirect, location] of REDIRECTS) {
    const ports: Resource = service({
      routes: [rule({ filters: { redirect }, backends: [] })],
      ports: [
        { port: 80, protocol: 'http' },
        { port: 8080, protocol: 'http' },
      ],
    })
    const decision = decide(facts({ authority, path: '/items?q=1' }), world([ports]), SILENT)
    assert(decision.kind === 'answer')
    assert.deepEqual(decision.response, { status: redirect.status, fields: ['location', location], body: '' })
  }
})

test('a request may be executed twice by method, by its key, or by the word of its route', () => {
  const cases: readonly (readonly [Partial<RequestFacts>, boolean, boolean])[] = [
    ...['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'].map((method) => [{ method }, false, true] as const),
    ...['POST', 'PATCH', 'PURGE', 'get'].map((method) => [{ method }, false, false] as const),
    [{ method: 'PATCH', fields: ['idempotency-key', '1'] }, false, true],
    [{ method: 'POST' }, true, true],
  ]
  for (const [request, idempotent, wanted] of cases) {
    const from = withRules(rule({ retry: retry({ idempotent }) }))
    assert.equal(forwarded(decide(facts(request), from, SILENT)).plan.isIdempotent, wanted, JSON.stringify(request))
  }
})

test('the same facts, world and chance decide the same, and change nothing', () => {
  const before = world([service(), { ...endpoints([]), endpoints: ['a', 'b', 'c'].map((id) => endpoint(id)) }])
  const run = (): string[] => {
    const random = seededRandom(7)
    return Array.from({ length: 50 }, () => forwarded(decide(facts(), { ...before, random }, SILENT)).endpoint.id)
  }
  assert.deepEqual(run(), run())
})
