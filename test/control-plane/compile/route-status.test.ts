import assert from 'node:assert/strict'
import test from 'ava'
import { routeStatus } from '../../../control-plane/compile/route-status.ts'
import { manifests, meshWorld } from '../../support/mesh-world.ts'

const SERVICE =
  '{ apiVersion: v1, kind: Service, metadata: { name: orders }, spec: { ports: [{ name: web, port: 80 }] } }\n---\n'

/** `status.parents` of a route, a line for each condition. */
function statusOf(spec: string): string[] {
  const world = meshWorld(
    manifests(
      `${SERVICE}{ apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: { name: r, generation: 7 }, spec: ${spec} }`,
    ),
  )
  const [route] = world.httpRoutes
  assert(route !== undefined)
  return routeStatus(world, route).flatMap(({ parentRef, controllerName, conditions }) => {
    assert.equal(controllerName, 'outrigger.dev/mesh')
    return conditions.map(({ type, status, reason, message, observedGeneration }) => {
      assert.equal(observedGeneration, 7)
      return `${parentRef.name} ${type}=${status} ${reason}: ${message}`
    })
  })
}

test('routeStatus accepts a route whose parent and backends exist', () => {
  assert.deepEqual(
    statusOf(
      '{ parentRefs: [{ kind: Service, name: orders, sectionName: web }], rules: [{ backendRefs: [{ name: orders, port: 80 }] }] }',
    ),
    [
      'orders Accepted=True Accepted: The route is in force',
      'orders ResolvedRefs=True ResolvedRefs: All backends exist',
    ],
  )
})

test('routeStatus says for each parent why the route is not in force there', () => {
  assert.deepEqual(
    statusOf(
      '{ parentRefs: [{ kind: Service, name: gone }, { kind: Service, name: orders, port: 81 }, { kind: Service, name: orders }] }',
    ).filter((line) => line.includes('Accepted=')),
    [
      'gone Accepted=False NoMatchingParent: service shop/gone does not exist',
      'orders Accepted=False NoMatchingParent: service shop/orders has no port 81; it has 80 (web)',
      'orders Accepted=True Accepted: The route is in force',
    ],
  )
})

test('routeStatus names all backends that do not exist, each once', () => {
  const refs = '[{ name: gone, port: 80 }, { name: gone, port: 80 }, { name: orders, port: 9 }]'
  assert.deepEqual(statusOf(`{ parentRefs: [{ kind: Service, name: orders }], rules: [{ backendRefs: ${refs} }] }`), [
    'orders Accepted=True Accepted: The route is in force',
    'orders ResolvedRefs=False BackendNotFound: service shop/gone does not exist; service shop/orders has no port 9; it has 80',
  ])
})
