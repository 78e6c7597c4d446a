import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { fromMeta, type InstanceMeta, toMeta } from '../../../control-plane/world/instance-meta.ts'

const FACTS: InstanceMeta = {
  workload: 'shop/orders-1',
  service: 'shop/orders',
  port: 80,
  appPort: 8080,
  protocol: 'http',
  identity: 'spiffe://mesh.local/ns/shop/sa/orders',
  labels: { app: 'orders', 'topology.kubernetes.io/zone': 'a' },
}

test('fromMeta reads what toMeta wrote, whatever the labels', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9./-]{0,40}$/)
  fc.assert(
    fc.property(fc.dictionary(name, fc.string({ maxLength: 63 }), { maxKeys: 20 }), (labels) => {
      const meta = toMeta({ ...FACTS, labels: { ...labels } })
      assert(meta.ok)
      assert.deepEqual(fromMeta(meta.value), { ok: true, value: { ...FACTS, labels: { ...labels } } })
    }),
    { numRuns: 100, seed: 7 },
  )
})

test('toMeta keeps to what Consul can store', () => {
  const meta = toMeta(FACTS)
  assert(meta.ok)
  for (const [key, value] of Object.entries(meta.value)) {
    assert.match(key, /^[A-Za-z0-9_-]{1,128}$/)
    assert(value.length <= 512)
  }
})

test('toMeta refuses labels that Consul could not store, and says how many there may be', () => {
  const many = Object.fromEntries(Array.from({ length: 49 }, (_, i) => [`l${i}`, 'x']))
  assert.deepEqual(toMeta({ ...FACTS, labels: many }), {
    ok: false,
    error: 'the workload has 49 labels; at most 48 can be registered',
  })
  assert.deepEqual(toMeta({ ...FACTS, labels: { long: 'x'.repeat(600) } }), {
    ok: false,
    error: 'outrigger-label-0 is 605 characters long; at most 512 can be registered',
  })
})

test('fromMeta ignores keys of others and refuses ours when they are broken', () => {
  const meta = toMeta(FACTS)
  assert(meta.ok)
  assert(fromMeta({ ...meta.value, team: 'x', 'outrigger-label-x': 'no-equals-sign' }).ok)
  for (const key of ['workload', 'service', 'port', 'app-port', 'protocol', 'identity']) {
    assert(!fromMeta({ ...meta.value, [`outrigger-${key}`]: '!' }).ok, key)
  }
})

test('fromMeta leaves Object.prototype alone', () => {
  const meta = toMeta(FACTS)
  assert(meta.ok)
  const read = fromMeta({ ...meta.value, 'outrigger-label-9': '__proto__=x' })
  assert(read.ok)
  assert.deepEqual(read.value.labels, FACTS.labels)
})
