import assert from 'node:assert/strict'
import test from 'ava'
import { compileAuthorization } from '../../../control-plane/compile/compile-authorization.ts'
import type { AuthorizationSource } from '../../../sidecar/config/resources.ts'
import { instance, manifests, meshWorld } from '../../support/mesh-world.ts'

/** What the sidecar of shop/orders-1 is told of one source of a policy in shop. */
function sourceOf(source: string): AuthorizationSource | undefined {
  const policy = `{ apiVersion: outrigger.dev/v1alpha1, kind: AuthorizationPolicy, metadata: { name: p, namespace: shop }, spec: { rules: [{ sources: [${source}] }] } }`
  const world = meshWorld(manifests(policy), [instance({ workload: 'shop/orders-1', service: 'shop/orders' })])
  const [workload] = world.workloads.values()
  assert(workload !== undefined)
  return compileAuthorization(world, workload).policies[0]?.rules[0]?.sources?.[0]
}

const SOURCES: readonly (readonly [string, string, AuthorizationSource])[] = [
  [
    'an account without a namespace is one of the namespace of the policy',
    '{ type: ServiceAccount, serviceAccount: { name: web } }',
    { identities: ['spiffe://mesh.local/ns/shop/sa/web'] },
  ],
  [
    'an account of another namespace is of that one',
    '{ type: ServiceAccount, serviceAccount: { name: web, namespace: tools } }',
    { identities: ['spiffe://mesh.local/ns/tools/sa/web'] },
  ],
  [
    'an identity is taken as it is',
    '{ type: SPIFFE, spiffe: "spiffe://other.mesh/ns/a/sa/b" }',
    { identities: ['spiffe://other.mesh/ns/a/sa/b'] },
  ],
  ['a namespace is that namespace', '{ type: Namespace, namespace: tools }', { namespaces: ['tools'] }],
]
for (const [what, source, compiled] of SOURCES) {
  test(`who may call: ${what}`, () => assert.deepEqual(sourceOf(source), compiled))
}
