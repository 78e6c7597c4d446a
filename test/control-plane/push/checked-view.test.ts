import assert from 'node:assert/strict'
import test from 'ava'
import { conditionsOf } from '../../../control-plane/api/conditions-of.ts'
import type { Manifest } from '../../../control-plane/policy/manifest.ts'
import { AckTracker } from '../../../control-plane/push/ack-tracker.ts'
import { CheckedView } from '../../../control-plane/push/checked-view.ts'
import { manifestsOf } from '../../../control-plane/push/manifests-of.ts'
import type { ResourceView } from '../../../control-plane/push/resource-source.ts'
import { workloadRef } from '../../../control-plane/world/workload-ref.ts'

const WEB = workloadRef('spiffe://mesh.test/ns/shop/sa/web', 'shop/web')
const MANIFEST = {
  apiVersion: 'outrigger.dev/v1alpha1',
  kind: 'AuthorizationPolicy',
  metadata: { name: 'lock', namespace: 'shop', generation: 3 },
  spec: {},
} as unknown as Manifest

/** A view of one Authorization resource, of which a test says version and content. */
const viewOf = (version: string, defaultAction: string, generation = 1): ResourceView => ({
  generation,
  trustDomain: 'mesh.test',
  find: () => ({
    version,
    resource: {
      kind: 'Authorization',
      name: 'shop/web',
      defaultAction,
      policies: [
        { origin: { kind: 'AuthorizationPolicy', namespace: 'shop', name: 'lock' }, action: 'ALLOW', rules: [] },
      ],
    } as never,
  }),
})

test('what no sidecar would take is held back, the last good version stays, and the manifest says why', () => {
  const acks = new AckTracker()
  const checked = new CheckedView(acks, () => 0)
  const versionNow = (view: ResourceView) => checked.check(view).find(WEB, 'Authorization', 'shop/web')?.version
  assert.equal(versionNow(viewOf('1', 'ALLOW')), '1')
  assert.equal(versionNow(viewOf('2', 'PERHAPS')), '1')
  assert.equal(versionNow(viewOf('2', 'PERHAPS')), '1')
  const programmed = () => conditionsOf(MANIFEST, acks.refusals()).find(({ type }) => type === 'Programmed')
  assert.equal(programmed()?.status, 'False')
  assert.match(programmed()?.message ?? '', /control-plane refused Authorization shop\/web: defaultAction/)
  assert.equal(programmed()?.observedGeneration, 3)
  assert.equal(versionNow(viewOf('3', 'DENY')), '3')
  assert.equal(programmed()?.status, 'True')
})

test('one compiled resource is one object as long as its content is the same, so that it is serialized once', () => {
  const checked = new CheckedView(new AckTracker(), () => 0)
  const find = () => checked.check(viewOf('1', 'ALLOW')).find(WEB, 'Authorization', 'shop/web')
  assert.equal(find(), find())
})

test('manifests are found wherever a resource names its origin', () => {
  const origin = (kind: string, name: string) => ({ kind, namespace: 'shop', name })
  const resource = {
    routes: [{ origin: origin('HTTPRoute', 'b') }, { nested: { deeper: [{ origin: origin('HTTPRoute', 'a') }] } }],
    traffic: { origin: origin('implicit', 'x') },
    again: { origin: origin('HTTPRoute', 'a') },
  }
  assert.deepEqual(manifestsOf(resource), ['HTTPRoute/shop/a', 'HTTPRoute/shop/b'])
  assert.deepEqual(manifestsOf(undefined), [])
})

test('what nobody asks for any more is let go, with what was said of it', () => {
  const acks = new AckTracker()
  const checked = new CheckedView(acks, () => 0)
  assert.equal(checked.check(viewOf('1', 'PERHAPS', 1)).find(WEB, 'Authorization', 'shop/web'), undefined)
  checked.check(viewOf('1', 'PERHAPS', 1))
  assert.equal(acks.refusals().length, 1)
  // asked for in the second generation, and not in the third
  checked.check(viewOf('1', 'PERHAPS', 2)).find(WEB, 'Authorization', 'shop/web')
  checked.check(viewOf('1', 'PERHAPS', 3))
  assert.equal(acks.refusals().length, 1)
  checked.check(viewOf('1', 'PERHAPS', 4))
  assert.deepEqual(acks.refusals(), [])
})

test('what is held back from one workload is not replaced by what another of that name may have', () => {
  const thief = workloadRef('spiffe://mesh.test/ns/shop/sa/thief', 'shop/web')
  for (const kind of ['Authorization', 'Workload'] as const) {
    const [good, bad] = [viewOf('1', 'ALLOW'), viewOf('2', 'PERHAPS')]
    const view = new CheckedView(new AckTracker(), () => 0).check({
      ...good,
      find: (workload, ...of) => (workload.key === WEB.key ? good : bad).find(workload, ...of),
    })
    assert.equal(view.find(WEB, kind, 'shop/web')?.version, '1')
    assert.equal(view.find(thief, kind, 'shop/web'), undefined)
  }
})
