import assert from 'node:assert/strict'
import test from 'ava'
import { startOtlpReceiver } from '../../../control-plane/telemetry/otlp-receiver.ts'
import { LoadState } from '../../../sidecar/balancing/load-state.ts'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { decide } from '../../../sidecar/decide/decide.ts'
import type { RequestFacts } from '../../../sidecar/decide/decision.ts'
import { StepRecorder, type TraceStep } from '../../../sidecar/decide/trace-step.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'

const MANIFESTS = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: orders, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: orders}]
  rules:
    - matches: [{method: GET, path: {type: PathPrefix, value: /items}, headers: [{name: x-env, value: test}]}]
      timeouts: {request: 2s, backendRequest: 500ms}
      retry: {attempts: 3, codes: [503], backoff: 25ms}
      backendRefs: [{name: orders, port: 80}]
    - matches: [{path: {type: PathPrefix, value: /old}}]
      filters: [{type: RequestRedirect, requestRedirect: {statusCode: 302, path: {type: ReplaceFullPath, replaceFullPath: /new}}}]
    - backendRefs: [{name: orders, port: 80}]
---
apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: guarded, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
  action: DENY
  rules:
    - http: {paths: [{type: PathPrefix, value: /items/secret}]}
    - sources: [{type: ServiceAccount, serviceAccount: {name: somebody}}]
`

/** What `explain` knows: the resources that the control plane would give to a workload. */
function snapshotOf(resources: readonly { readonly version: string; readonly resource: unknown }[]): SnapshotStore {
  const store = new SnapshotStore()
  const rejections = store.apply(resources.map(({ version, resource }) => ({ put: resource, version })))
  assert.deepEqual(rejections, [])
  return store
}

function stepsOf(store: SnapshotStore, facts: RequestFacts): readonly TraceStep[] {
  const random = seededRandom(1)
  using load = new LoadState(store, systemClock, random)
  const recorder = new StepRecorder()
  decide(facts, { snapshot: store.current, load, nowMs: systemClock.nowMs(), random }, recorder)
  return recorder.steps
}

/** Costs are what was measured meanwhile: they may differ, their places may not. */
const withoutCosts = (steps: readonly TraceStep[]): readonly unknown[] =>
  steps.map((step) => (step.step === 'endpoint-considered' ? { ...step, cost: 0 } : step))

async function keptSteps(mesh: TestMesh, workload: string, path: string): Promise<readonly TraceStep[]> {
  const kept = (await mesh.workload(workload).admin('/trace')) as { path: string; steps: TraceStep[] }[]
  const found = kept.find((decision) => decision.path === path)
  assert(found !== undefined, `${workload} kept ${kept.map((decision) => decision.path).join(', ')}, not ${path}`)
  return found.steps
}

test('what a sidecar decided for a real request is what explain says for it, step for step, on both sides', async () => {
  await using receiver = await startOtlpReceiver()
  await using mesh = await startTestMesh({
    services: { orders: {} },
    callers: ['web'],
    manifests: MANIFESTS,
    telemetry: { samplingRatio: 1, otlpEndpoint: receiver.url, accessLog: 'off' },
  })
  const { status, body } = await mesh.api('POST', '/v1/explain', '{"from": "shop/web", "services": ["shop/orders"]}')
  assert.equal(status, 200)
  const caller = snapshotOf(body.caller.resources)
  const callee = snapshotOf(body.callees[0].resources)
  const web = 'spiffe://mesh.test/ns/shop/sa/web'
  const compared: string[] = []
  for (const [path, env, wanted] of [
    ['/items/1', 'test', 200],
    ['/items/2', 'prod', 200],
    ['/items/secret', 'test', 403],
    ['/old/3', 'test', 302],
    ['/other', '', 200],
  ] as const) {
    const answer = await mesh.call('web', 'orders', path, { headers: { 'x-env': env } })
    assert.equal(answer.status, wanted, path)
    const facts = {
      method: 'GET',
      authority: 'orders',
      path,
      fields: ['x-env', env],
      caller: web,
      callerAddress: '127.0.0.1',
      wire: 'http/1.1' as const,
      priorAttempts: 0,
    }
    const outbound = stepsOf(caller, { ...facts, direction: 'outbound', service: 'shop/orders', port: undefined })
    assert(outbound.length >= 3)
    assert.deepEqual(withoutCosts(await keptSteps(mesh, 'web', path)).slice(0, outbound.length), withoutCosts(outbound))
    compared.push(...outbound.map(({ step }) => step))
    if (wanted === 302) continue
    const { appPort } = callee.current.workload?.serves[0] ?? {}
    const inbound = stepsOf(callee, { ...facts, direction: 'inbound', service: undefined, port: appPort })
    assert(inbound.length >= 1)
    assert.deepEqual(await keptSteps(mesh, 'orders', path), inbound)
    compared.push(...inbound.map(({ step }) => step))
  }
  for (const step of [
    'service-found',
    'route-rejected',
    'route-matched',
    'backend-chosen',
    'endpoint-considered',
    'endpoint-picked',
    'timeouts',
    'retry-plan',
    'policy-skipped',
    'policy-matched',
    'authorization',
  ]) {
    assert(compared.includes(step), `no ${step} was compared`)
  }
})
