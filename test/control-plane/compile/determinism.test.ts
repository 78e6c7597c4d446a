import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { compileView, compileWorkload } from '../../../control-plane/compile/compile-view.ts'
import { routeStatus } from '../../../control-plane/compile/route-status.ts'
import { validateWorld } from '../../../control-plane/compile/validate-world.ts'
import { checkManifest } from '../../../control-plane/policy/check-manifest.ts'
import type { Manifest } from '../../../control-plane/policy/manifest.ts'
import { workloadRef } from '../../../control-plane/world/workload-ref.ts'
import type { World } from '../../../control-plane/world/world.ts'
import { parseResource } from '../../../sidecar/config/parse-resource.ts'
import { toLine } from '../../../sidecar/core/schema.ts'
import { instance, meshWorld } from '../../support/mesh-world.ts'

const SERVICES = ['a', 'b', 'c']
const NAMESPACES = ['n', 'm']
const API = 'outrigger.dev/v1alpha1'

const service = fc.constantFrom(...SERVICES, 'missing')
const namespace = fc.constantFrom(...NAMESPACES)
const port = fc.constantFrom(80, 81)
const created = fc.option(fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'), { nil: undefined })
const match = fc.record(
  {
    path: fc.record({ type: fc.constantFrom('Exact', 'PathPrefix'), value: fc.constantFrom('/', '/x', '/x/y') }),
    method: fc.constantFrom('GET', 'POST'),
    headers: fc.array(fc.record({ name: fc.constantFrom('h', 'H', 'i'), value: fc.constantFrom('1', '2') }), {
      maxLength: 2,
    }),
  },
  { requiredKeys: [] },
)
const rule = fc.record(
  {
    matches: fc.array(match, { maxLength: 3 }),
    backendRefs: fc.array(fc.record({ name: service, namespace, port, weight: fc.nat(3) }), { maxLength: 3 }),
    timeouts: fc.record({ request: fc.constantFrom('0s', '1s', '1m') }),
    retry: fc.record({
      attempts: fc.integer({ min: 1, max: 10 }),
      codes: fc.array(fc.integer({ min: 400, max: 599 }), { maxLength: 3 }),
    }),
  },
  { requiredKeys: [] },
)
const spec = {
  HTTPRoute: fc.record({
    parentRefs: fc.array(
      fc.record({ kind: fc.constant('Service'), name: service, namespace, port }, { requiredKeys: ['kind', 'name'] }),
      { minLength: 1, maxLength: 2 },
    ),
    rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
  }),
  TrafficPolicy: fc.record({
    targetRefs: fc.constantFrom(...SERVICES).map((name) => [{ kind: 'Service', name }]),
    timeouts: fc.record({ request: fc.constantFrom('1s', '2s'), response: fc.constantFrom('500ms', '1s') }),
  }),
  AuthorizationPolicy: fc.record({
    action: fc.constantFrom('ALLOW', 'DENY'),
    rules: fc.array(
      fc.record({ sources: fc.array(fc.constant({ type: 'Namespace', namespace: 'n' }), { maxLength: 2 }) }),
      { maxLength: 2 },
    ),
  }),
  PeerAuthentication: fc.constantFrom('STRICT', 'PERMISSIVE').map((mode) => ({ mtls: { mode } })),
}
const manifest = fc
  .constantFrom(
    'HTTPRoute' as const,
    'TrafficPolicy' as const,
    'AuthorizationPolicy' as const,
    'PeerAuthentication' as const,
  )
  .chain((kind) =>
    fc.record({
      apiVersion: fc.constant(kind === 'HTTPRoute' ? 'gateway.networking.k8s.io/v1' : API),
      kind: fc.constant(kind),
      metadata: fc.record(
        { name: fc.constantFrom('p', 'q', 'r', 's'), namespace, creationTimestamp: created },
        { requiredKeys: ['name', 'namespace'] },
      ),
      spec: spec[kind] as fc.Arbitrary<unknown>,
    }),
  )
  .map((value) => {
    const checked = checkManifest(JSON.parse(JSON.stringify(value)))
    assert(checked.ok, checked.ok ? '' : JSON.stringify(checked.error))
    return checked.value
  })

const keyOf = ({ kind, metadata }: Manifest) => `${kind} ${metadata.namespace} ${metadata.name}`
const many = fc.uniqueArray(manifest, { selector: keyOf, maxLength: 12 })

const INSTANCES = NAMESPACES.flatMap((ns) =>
  SERVICES.map((name, i) => instance({ workload: `${ns}/${name}-1`, service: `${ns}/${name}`, port: 80 + (i % 2) })),
)

/** Everything that anybody can be told of a world. */
function everything(world: World) {
  const view = compileView(world)
  const names = [...world.services.keys()]
  return {
    resources: [...world.workloads.values()]
      .map(({ identity, namespace, name }) => workloadRef(identity, `${namespace}/${name}`))
      .flatMap((caller) => [
        ...names.flatMap((name) => [view.find(caller, 'Service', name), view.find(caller, 'Endpoints', name)]),
        view.find(caller, 'Workload', caller.name),
        view.find(caller, 'Authorization', caller.name),
      ]),
    status: world.httpRoutes.map((route) => routeStatus(world, route)),
    problems: validateWorld(world)
      .map((problem) => JSON.stringify(problem))
      .sort(),
  }
}

test('what is compiled does not depend on the order in which manifests and instances are told', () => {
  fc.assert(
    fc.property(many, fc.infiniteStream(fc.nat()), (list, chances) => {
      const shuffled = [...list].map((one) => ({ one, at: chances.next().value })).sort((a, b) => a.at - b.at)
      const straight = everything(meshWorld(list, INSTANCES))
      const other = everything(
        meshWorld(
          shuffled.map(({ one }) => one),
          [...INSTANCES].reverse(),
        ),
      )
      assert.deepEqual(other, straight)
    }),
    { numRuns: 150, seed: 11 },
  )
})

test('the sidecar takes whatever is compiled', () => {
  fc.assert(
    fc.property(many, (list) => {
      const world = meshWorld(list, INSTANCES)
      const view = compileView(world)
      for (const workload of world.workloads.values()) {
        const ref = workloadRef(workload.identity, `${workload.namespace}/${workload.name}`)
        for (const resource of [
          ...compileWorkload(world, workload),
          ...[...world.services.keys()].flatMap((service) => [
            view.find(ref, 'Service', service)?.resource,
            view.find(ref, 'Endpoints', service)?.resource,
          ]),
        ]) {
          const parsed = parseResource(resource)
          assert(parsed.ok, parsed.ok ? '' : parsed.error.map(toLine).join('; '))
        }
      }
    }),
    { numRuns: 100, seed: 12 },
  )
})
