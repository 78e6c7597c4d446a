import assert from 'node:assert/strict'
import test from 'ava'
import { compileService } from '../../../control-plane/compile/compile-service.ts'
import type { TrafficSettings } from '../../../sidecar/config/resources.ts'
import { manifests, meshWorld } from '../../support/mesh-world.ts'

const SERVICE =
  '{ apiVersion: v1, kind: Service, metadata: { name: orders, namespace: shop }, spec: { ports: [{ port: 80 }] } }'
const API = 'apiVersion: outrigger.dev/v1alpha1'

function compiled(...texts: string[]) {
  const service = compileService(meshWorld(manifests([SERVICE, ...texts].join('\n---\n'))), 'shop/orders', 'shop')
  assert(service?.kind === 'Service')
  return service
}

const trafficOf = (sections: string): TrafficSettings =>
  compiled(
    `{ ${API}, kind: TrafficPolicy, metadata: { name: t, namespace: shop }, spec: { targetRefs: [{ kind: Service, name: orders }], ${sections} } }`,
  ).traffic

const BREAKERS: readonly (readonly [string, Partial<TrafficSettings['circuitBreaker']>])[] = [
  ['maxConnections', { maxConnections: 7 }],
  ['maxParallelRequests', { maxRequests: 7 }],
  ['maxPendingRequests', { maxPending: 7 }],
]
for (const [field, change] of BREAKERS) {
  test(`a circuit breaker's ${field} changes that limit and no other`, () => {
    const defaults = compiled().traffic.circuitBreaker
    assert.deepEqual(trafficOf(`circuitBreaker: { ${field}: 7 }`).circuitBreaker, { ...defaults, ...change })
  })
}

test('of matches for one header or parameter only the first counts; names of headers compare without case', () => {
  const { routes } = compiled(
    `{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r, namespace: shop }, spec: { parentRefs: [{ kind: Service, name: orders }], rules: [{ matches: [{
      headers: [{ name: X-Env, value: "1" }, { name: x-env, value: "2" }, { name: x-id, value: "3" }],
      queryParams: [{ name: a, value: "1" }, { name: A, value: "2" }, { name: a, value: "3" }] }] }] } }`,
  )
  const exact = (name: string, value: string) => ({ name, match: { type: 'exact', value } })
  assert.deepEqual(routes[0]?.match, {
    headers: [exact('x-env', '1'), exact('x-id', '3')],
    query: [exact('a', '1'), exact('A', '2')],
  })
})
