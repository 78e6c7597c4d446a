import assert from 'node:assert/strict'
import test from 'ava'
import { conditionsOf } from '../../../control-plane/api/conditions-of.ts'
import type { Manifest } from '../../../control-plane/policy/manifest.ts'
import type { WorkloadRefusal } from '../../../control-plane/push/ack-tracker.ts'
import { workloadRef } from '../../../control-plane/world/workload-ref.ts'

const manifest: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'shop', generation: 3 },
  spec: { ports: [{ port: 80 }] },
}
const refusal = (name: string, atMs: number, reason: string, of = 'Service/shop/web'): WorkloadRefusal => ({
  workload: workloadRef('spiffe://mesh.test/ns/shop/sa/a', name),
  kind: 'Service',
  name: 'shop/web',
  version: 'v',
  reason,
  manifests: [of],
  atMs,
})

test('the latest refusal is told, with everybody who refused, and refusals of other manifests are nothing to it', () => {
  const refusals = [
    refusal('shop/a', 1_000, 'the first'),
    refusal('shop/b', 3_000, 'the latest'),
    refusal('shop/a', 2_000, 'the second'),
    refusal('shop/c', 9_000, 'of another', 'Service/shop/web2'),
  ]
  const [accepted, programmed] = conditionsOf(manifest, refusals)
  assert.deepEqual([accepted?.status, programmed?.status], ['True', 'False'])
  assert.equal(programmed?.message, 'shop/a, shop/b refused Service shop/web: the latest; the earlier version serves')
  assert.equal(programmed?.lastTransitionTime, '1970-01-01T00:00:03.000Z')
  assert.equal(programmed?.observedGeneration, 3)
})

test('a manifest that nobody refused is programmed', () => {
  const [, programmed] = conditionsOf(manifest, [refusal('shop/c', 1, 'of another', 'Service/shop/web2')])
  assert.equal(programmed?.status, 'True')
})
