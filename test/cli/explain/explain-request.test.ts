import assert from 'node:assert/strict'
import test from 'ava'
import { renderExplanation } from '../../../cli/explain/render-explanation.ts'
import type { AuthorizationPolicy, Resource } from '../../../sidecar/config/resources.ts'
import { authorization, endpoints, policy, rule, service, workload } from '../../support/resources.ts'
import { explain, material, reachedAt, WEB } from './explain-world.ts'

/** A golden text, without the blanks that it is set in by. */
const text = (golden: string): string =>
  golden
    .trim()
    .split('\n')
    .map((line) => line.replace(/^ {4}/, ''))
    .join('\n')

const exact = (value: string) => ({ type: 'exact', value }) as const

/** A callee that these policies guard. */
const lets = (...policies: AuthorizationPolicy[]): readonly Resource[] => [
  { ...authorization(policies), name: 'shop/orders-1' },
]

test('a request that is let in is explained from the name to the port of the application', () => {
  assert.equal(
    renderExplanation(explain('http://orders/items')),
    text(`
    ✔ GET http://orders/items goes to shop/orders:80 at orders-1 and is let in

    leaving shop/web
      service shop/orders, found by host
      ✔ route HTTPRoute shop/orders rule 0: everything
      backend shop/orders:80, weight 1 of 1
      endpoint orders-1 at 127.0.0.1:15008
      ✔ endpoint orders-1 at 127.0.0.1:15008, by p2c-ewma
      timeouts: request 10000 ms, response 5000 ms, each try 2000 ms
      retries: up to 2, on connect-failure, refused, reset, timeout, 503; method GET is idempotent
      ⇒ forward to 127.0.0.1:15008 under mutual TLS, where only spiffe://mesh.local/ns/shop/sa/orders is believed

    arriving at shop/orders-1
      authorization: allowed: no ALLOW policy exists, and the default is to allow
      ⇒ deliver to the application's port 8080`),
  )
})

test('a request that the callee refuses says so first, with the policy, the rule and the caller', () => {
  const deny = policy('DENY', [
    { paths: [{ type: 'path-prefix', value: '/health' }] },
    { paths: [{ type: 'path-prefix', value: '/admin' }] },
  ])
  const lines = renderExplanation(explain('http://orders/admin', material(undefined, lets(deny)))).split('\n')
  assert.equal(
    lines[0],
    `✘ GET http://orders/admin goes to shop/orders:80 at orders-1 and is refused there: denied (AuthorizationPolicy shop/deny rule 1): AuthorizationPolicy shop/deny rule 1 denies it to the caller ${WEB}`,
  )
  assert.equal(
    lines.slice(lines.indexOf('arriving at shop/orders-1')).join('\n'),
    text(`
    arriving at shop/orders-1
      ✘ AuthorizationPolicy shop/deny rule 0: path is "/admin", wanted prefix "/health"
      ✔ AuthorizationPolicy shop/deny rule 1: DENY
      authorization: denied: AuthorizationPolicy shop/deny rule 1 denies it to the caller spiffe://mesh.local/ns/shop/sa/web
      ⇒ refuse with denied: AuthorizationPolicy shop/deny rule 1 denies it to the caller spiffe://mesh.local/ns/shop/sa/web`),
  )
})

test('a request that goes nowhere is explained with one half, and with what is known', () => {
  assert.equal(
    renderExplanation(explain('http://ordres/items')),
    text(`
    ✘ GET http://ordres/items is refused by shop/web's sidecar: no-route: no service answers to host "ordres"; known services: shop/orders

    leaving shop/web
      no service is called "ordres"; known: shop/orders
      ⇒ refuse with no-route: no service answers to host "ordres"; known services: shop/orders`),
  )
})

test('of several rules each is named until one matches, with the reason why it did not', () => {
  const routes = [
    rule({}, { headers: [{ name: 'x-env', match: exact('test') }] }),
    rule({ rule: 1 }, { path: { type: 'path-prefix', value: '/items' } }),
    rule({ rule: 2 }),
  ]
  const steps = renderExplanation(explain('http://orders/items', material([service({ routes })]), ['x-env: prod']))
  assert.deepEqual(
    steps.split('\n').filter((line) => line.includes('route ')),
    [
      '  ✘ route HTTPRoute shop/orders rule 0: header x-env is "prod", wanted "test"',
      '  ✔ route HTTPRoute shop/orders rule 1: path prefix "/items"',
    ],
  )
})

test("a redirect is the sidecar's own answer: nothing arrives anywhere", () => {
  const redirect = { status: 302, path: { type: 'replace-full', value: '/new' } } as const
  const from = material([service({ routes: [rule({ filters: { redirect } })] })])
  assert.equal(
    renderExplanation(explain('http://orders/old', from)),
    text(`
    ↩ GET http://orders/old is answered by shop/web's sidecar with 302

    leaving shop/web
      service shop/orders, found by host
      ✔ route HTTPRoute shop/orders rule 0: everything
      ⇒ answer with 302`),
  )
})

test('an endpoint without a sidecar is said to be one', () => {
  const [reached] = endpoints(['orders-1']).endpoints
  assert(reached !== undefined)
  const plain: Resource = { ...endpoints([]), endpoints: [{ ...reached, workload: 'shop/orders-1' }] }
  const lines = renderExplanation(explain('http://orders/items', material([service(), plain]))).split('\n')
  assert.equal(lines[0], '✔ GET http://orders/items goes to shop/orders:80 at orders-1, which has no sidecar')
  assert.equal(lines.at(-1), '  ⇒ forward to 127.0.0.1:8080 without TLS')
})

test('a port that the service has not is named', () => {
  const { decision } = explain('http://orders:81/').outbound
  assert(decision.kind === 'refuse')
  assert.equal(decision.error.detail, 'service shop/orders has no port 81; it has 80')
})

test('of several ports of an application the one behind the endpoint is delivered to', () => {
  const serves = [8_080, 9_090].map(
    (appPort) => ({ service: 'shop/orders', port: 80, appPort, protocol: 'http' }) as const,
  )
  const both = workload({ name: 'shop/orders-1', serves })
  const { inbound } = explain('http://orders/', material([service(), reachedAt(9_090)], [both, ...lets()]))
  assert.deepEqual(inbound?.decision, {
    kind: 'deliver',
    appPort: 9_090,
    protocol: 'http',
    isUndeclared: false,
    policy: undefined,
  })
})

test('the callee judges path and authority as the route rewrote them', () => {
  const rewrite = { hostname: 'inside', path: { type: 'replace-full', value: '/v2' } } as const
  const routes = [rule({ filters: { rewrite } })]
  const allow = policy('ALLOW', [{ hosts: [exact('inside')], paths: [exact('/v2')] }])
  const { inbound } = explain('http://orders/v1', material([service({ routes })], lets(allow)))
  assert.deepEqual(inbound?.decision, {
    kind: 'deliver',
    appPort: 8_080,
    protocol: 'http',
    isUndeclared: false,
    policy: 'AuthorizationPolicy shop/allow rule 0',
  })
})

test('header fields decide as they would', () => {
  const allow = policy('ALLOW', [{ headers: [{ name: 'x-team', match: exact('blue') }] }])
  const from = material(undefined, lets(allow))
  assert.equal(explain('http://orders/', from, ['X-Team: blue']).inbound?.decision.kind, 'deliver')
  assert.equal(explain('http://orders/', from, ['X-Team: red']).inbound?.decision.kind, 'refuse')
})

test('the dice choose among weighted backends as in serving, and zero means the first', () => {
  const backends = [
    { service: 'shop/orders', port: 80, weight: 9 },
    { service: 'shop/canary', port: 80, weight: 1 },
  ]
  const from = material([service({ routes: [rule({ backends })] })])
  const chosen = (random: () => number): readonly string[] =>
    explain('http://orders/', from, [], random).outbound.steps.flatMap((step) =>
      step.step === 'backend-chosen' ? `${step.service} ${step.weight} of ${step.ofTotal}` : [],
    )
  assert.deepEqual(
    chosen(() => 0),
    ['shop/orders 9 of 10'],
  )
  assert.deepEqual(
    chosen(() => 0.95),
    ['shop/canary 1 of 10'],
  )
})

test('a resource that a sidecar would refuse is refused here too: nothing is explained by it', () => {
  const { caller, ...others } = material([])
  const resources = [...caller.resources, { version: '9', resource: { ...service(), ports: 'eighty' } }]
  const { decision } = explain('http://orders/', { ...others, caller: { ...caller, resources } }).outbound
  assert(decision.kind === 'refuse')
  assert.equal(decision.error.code, 'no-route')
})

// The route's header edits are made on the way: the callee's policy sees them, explain's callee does not.
test('the callee judges header fields as the route set them', () => {
  const request = { set: [{ name: 'x-team', value: 'blue' }], add: [], remove: [] }
  const routes = [rule({ filters: { request } })]
  const allow = policy('ALLOW', [{ headers: [{ name: 'x-team', match: exact('blue') }] }])
  const { inbound } = explain('http://orders/', material([service({ routes })], lets(allow)))
  assert.equal(inbound?.decision.kind, 'deliver')
})

// It is reached under mutual TLS, so it has one: only what it would say is not known.
test('a callee whose sidecar the control plane knows nothing of is not said to have none', () => {
  const from = { ...material(), callees: [] }
  assert.doesNotMatch(renderExplanation(explain('http://orders/items', from)), /which has no sidecar/)
})

test('what is carried as it is, is explained as the connection that it is', () => {
  const tcp = service({ ports: [{ port: 80, protocol: 'tcp' }] })
  const serves = [{ service: 'shop/orders', port: 80, appPort: 8_080, protocol: 'tcp' }] as const
  const both = workload({ name: 'shop/orders-1', serves: [...serves] })
  const { request, inbound } = explain('http://orders/items', material([tcp, reachedAt(8_080)], [both, ...lets()]))
  assert.deepEqual([request.method, request.path], ['TCP', ''])
  assert.equal(inbound?.decision.kind, 'deliver')
})
