import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { instanceIdOf } from '../../../control-plane/world/to-instance.ts'
import { workloadRef } from '../../../control-plane/world/workload-ref.ts'

// Short, so that ambiguous joins are found: a.b/c and a/b.c.
const label = fc.stringMatching(/^[a-b]([-a]?[a-b])?$/)
const name = fc.stringMatching(/^[a-b]([-a.]{0,2}[a-b])?$/)
const account = fc.stringMatching(/^[a-bA._-]{1,3}$/).filter((text) => text !== '.' && text !== '..')
const registration = fc.record({
  namespace: label,
  workload: name,
  account,
  service: name,
  port: fc.constantFrom(8, 80),
})

type Registration = typeof registration extends fc.Arbitrary<infer T> ? T : never
const idOf = ({ namespace, workload, account: as, service, port }: Registration): string =>
  instanceIdOf(`${namespace}/${workload}`, `spiffe://mesh/ns/${namespace}/sa/${as}`, `${namespace}/${service}`, port)

test('no two registrations have one id: another account, workload, service or port is another instance', () => {
  fc.assert(
    fc.property(registration, registration, (a, b) => {
      assert.equal(idOf(a) === idOf(b), JSON.stringify(a) === JSON.stringify(b))
    }),
    { numRuns: 20_000, seed: 3 },
  )
})

test('an id is what a path and a key can hold', () => {
  assert.equal(
    instanceIdOf('shop/orders-1', 'spiffe://mesh/ns/shop/sa/orders', 'shop/orders', 80),
    'shop.orders-1:orders:shop.orders:80',
  )
})

test('no two workloads have one key', () => {
  const keyOf = ({ namespace, workload, account: as }: Registration): string =>
    workloadRef(`spiffe://mesh/ns/${namespace}/sa/${as}`, `${namespace}/${workload}`).key
  const whole = ({ namespace, workload, account: as }: Registration): string =>
    JSON.stringify([namespace, workload, as])
  fc.assert(
    fc.property(registration, registration, (a, b) => assert.equal(keyOf(a) === keyOf(b), whole(a) === whole(b))),
    { numRuns: 5_000, seed: 4 },
  )
})
