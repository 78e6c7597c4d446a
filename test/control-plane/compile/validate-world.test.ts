import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { validateWorld } from '../../../control-plane/compile/validate-world.ts'
import { formatProblem } from '../../../control-plane/policy/format-problem.ts'
import { instance, manifests, meshWorld } from '../../support/mesh-world.ts'

const SERVICE = 'apiVersion: v1\nkind: Service\nmetadata: { name: orders }\nspec: { ports: [{ port: 80 }] }\n'
const route = (name: string, spec: string) =>
  `---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: ${name} }\nspec: ${spec}\n`
const policy = (kind: string, name: string, spec: string) =>
  `---\napiVersion: outrigger.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}\n`

/** What is found in a service `orders` with a workload `orders-1` and the manifests of `text`. */
function findingsOf(text: string, only?: ReadonlySet<string>): string[] {
  const world = meshWorld(manifests(SERVICE + text), [
    instance({ workload: 'shop/orders-1', service: 'shop/orders', labels: { app: 'orders' } }),
  ])
  return validateWorld(world, only).map((problem) => `${problem.severity} ${formatProblem(problem)}`)
}

// biome-ignore format: a table keeps its columns
const FINDINGS: readonly (readonly [about: string, text: string, findings: readonly string[]])[] = [
  ['a parent that does not exist', route('r', '{ parentRefs: [{ kind: Service, name: order }] }'),
    ['error test.yaml:9 (document 2, HTTPRoute shop/r): spec.parentRefs[0].name names a service that does not exist (did you mean "shop/orders"?); found "shop/order"; allowed: a known service: shop/orders.']],
  ['a parent\'s port that does not exist', route('r', '{ parentRefs: [{ kind: Service, name: orders, port: 81 }] }'),
    ['error test.yaml:9 (document 2, HTTPRoute shop/r): spec.parentRefs[0].port names a port that does not exist: service shop/orders has no port 81; it has 80; found 81; allowed: 80.']],
  ['a backend that does not exist', route('r', '{ parentRefs: [{ kind: Service, name: orders }], rules: [{ backendRefs: [{ name: nothing-like-it, port: 80 }] }] }'),
    ['error test.yaml:9 (document 2, HTTPRoute shop/r): spec.rules[0].backendRefs[0].name names a service that does not exist; found "shop/nothing-like-it"; allowed: a known service: shop/orders.']],
  ['a backend\'s port that does not exist', route('r', '{ parentRefs: [{ kind: Service, name: orders }], rules: [{ backendRefs: [{ name: orders, port: 8080 }] }] }'),
    ['error test.yaml:9 (document 2, HTTPRoute shop/r): spec.rules[0].backendRefs[0].port names a port that does not exist: service shop/orders has no port 8080; it has 80; found 8080; allowed: 80.']],
  ['a rule that is never reached', route('a', '{ parentRefs: [{ kind: Service, name: orders }] }') + route('b', '{ parentRefs: [{ kind: Service, name: orders }] }'),
    ['warning test.yaml:14 (document 3, HTTPRoute shop/b): spec.rules[0] is never reached for a match that HTTPRoute shop/a, rule 0 has too, which comes first.']],
  ['a policy for a service that does not exist', policy('TrafficPolicy', 'p', '{ targetRefs: [{ kind: Service, name: gone }] }'),
    ['error test.yaml:9 (document 2, TrafficPolicy shop/p): spec.targetRefs[0].name names a service that does not exist; found "shop/gone"; allowed: a known service: shop/orders.']],
  ['a policy for a route that does not exist', policy('TrafficPolicy', 'p', '{ targetRefs: [{ kind: HTTPRoute, name: gone }] }'),
    ['error test.yaml:9 (document 2, TrafficPolicy shop/p): spec.targetRefs[0].name names a route that does not exist; found "gone"; allowed: there is no HTTPRoute in namespace shop.']],
  ['two policies for one service', policy('TrafficPolicy', 'a', '{ targetRefs: [{ kind: Service, name: orders }] }') + policy('TrafficPolicy', 'b', '{ targetRefs: [{ kind: Service, name: orders }] }'),
    ['warning test.yaml:14 (document 3, TrafficPolicy shop/b): spec.targetRefs[0].name has no effect: TrafficPolicy shop/a is older and has the same target; found "Service orders"; allowed: one policy for each target.']],
  ['a selector that matches nothing', policy('AuthorizationPolicy', 'p', '{ targetRefs: [{ kind: Pod, selector: { matchLabels: { app: none } } }], rules: [{}] }'),
    ['warning test.yaml:9 (document 2, AuthorizationPolicy shop/p): spec.targetRefs[0].selector matches no workload that is registered now in namespace shop; found {"app":"none"}.']],
  ['an authorization for a service that does not exist', policy('AuthorizationPolicy', 'p', '{ targetRefs: [{ kind: Service, name: gone }], rules: [{}] }'),
    ['error test.yaml:9 (document 2, AuthorizationPolicy shop/p): spec.targetRefs[0].name names a service that does not exist; found "shop/gone"; allowed: a known service: shop/orders.']],
  ['a policy that allows nobody', policy('AuthorizationPolicy', 'p', '{}'),
    ['warning test.yaml:9 (document 2, AuthorizationPolicy shop/p): spec.rules are empty: an ALLOW policy without rules allows nobody, and so refuses every request to its targets.']],
  ['two modes for one selector', policy('PeerAuthentication', 'a', '{ mtls: { mode: STRICT } }') + policy('PeerAuthentication', 'b', '{ mtls: { mode: PERMISSIVE } }'),
    ['warning test.yaml:14 (document 3, PeerAuthentication shop/b): spec.selector has no effect: PeerAuthentication shop/a is older and has the same selector; found {}; allowed: one policy for each selector.']],
  ['another trust domain', policy('MeshConfig', 'mesh', '{ trustDomain: other.mesh }'),
    ['error test.yaml:9 (document 2, MeshConfig mesh): spec.trustDomain is not the authority\'s trust domain, which is fixed when the mesh is created; found "other.mesh"; allowed: "mesh.local".']],
]

for (const [about, text, findings] of FINDINGS) {
  test(`validateWorld finds ${about}`, () => assert.deepEqual(findingsOf(text), findings))
}

test('validateWorld finds no shadow where equal rules are for different ports', () => {
  const two =
    '---\napiVersion: v1\nkind: Service\nmetadata: { name: two }\nspec: { ports: [{ name: a, port: 80 }, { name: b, port: 81 }] }\n'
  const at = (port: number) => `{ parentRefs: [{ kind: Service, name: two, port: ${port} }] }`
  assert.deepEqual(findingsOf(two + route('a', at(80)) + route('b', at(81))), [])
  assert.equal(findingsOf(two + route('a', at(80)) + route('b', at(80))).length, 1)
})

test('validateWorld looks only at the manifests that are asked for, among all others', () => {
  const bad = route('bad', '{ parentRefs: [{ kind: Service, name: gone }] }')
  assert.equal(findingsOf(bad).length, 1)
  assert.deepEqual(findingsOf(bad, new Set(['Service/shop/orders'])), [])
})

const EXAMPLES = new URL('../../../manifests/policies/', import.meta.url)

test('the example manifests are right together with the services of the shop', () => {
  const services = readFileSync(new URL('shop-services.yaml', EXAMPLES), 'utf8')
  for (const file of readdirSync(EXAMPLES)) {
    const text = file === 'shop-services.yaml' ? '' : readFileSync(new URL(file, EXAMPLES), 'utf8')
    const problems = validateWorld(meshWorld([...manifests(services), ...manifests(text)]))
    assert.deepEqual(problems.map(formatProblem), [], file)
  }
})
