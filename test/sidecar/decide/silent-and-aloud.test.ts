import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { decide } from '../../../sidecar/decide/decide.ts'
import { SILENT, StepRecorder } from '../../../sidecar/decide/trace-step.ts'
import { authorization, policy, workload } from '../../support/resources.ts'
import { facts, world } from '../../support/worlds.ts'

const idOf = (namespace: string, account: string): string => `spiffe://mesh.local/ns/${namespace}/sa/${account}`
const namespace = fc.constantFrom('shop', 'bank')
const account = fc.constantFrom('web', 'orders', 'we')
const few = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { minLength: 1, maxLength: 2 })
const source = fc.record(
  {
    identities: few(fc.tuple(namespace, account).map(([ns, sa]) => idOf(ns, sa))),
    namespaces: few(namespace),
    serviceAccounts: few(fc.tuple(namespace, account).map(([ns, sa]) => `${ns}/${sa}`)),
    cidrs: few(fc.constantFrom('10.0.0.0/8', '127.0.0.0/8', '10.1.2.3/32')),
  },
  { requiredKeys: [] },
)
const rule = fc.record({ sources: few(source), methods: few(fc.constantFrom('GET', 'POST')) }, { requiredKeys: [] })
const made = fc
  .tuple(fc.constantFrom('ALLOW' as const, 'DENY' as const, 'AUDIT' as const), fc.array(rule, { maxLength: 3 }))
  .map(([action, rules]) => policy(action, rules))
const caller = fc.oneof(
  fc.tuple(namespace, account).map(([ns, sa]) => idOf(ns, sa)),
  fc.constantFrom(undefined, 'spiffe://mesh.local/control-plane'),
)

test('whoever listens, the verdict is the same: silent decisions leave out what cannot concern the caller', () => {
  fc.assert(
    fc.property(
      fc.array(made, { maxLength: 4 }),
      fc.constantFrom('ALLOW' as const, 'DENY' as const),
      fc.array(
        fc.record({
          caller,
          method: fc.constantFrom('GET', 'POST'),
          callerAddress: fc.constantFrom('10.1.2.3', '127.0.0.1', '192.0.2.1'),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      (policies, defaultAction, requests) => {
        const told = world([workload({ mtls: 'PERMISSIVE' }), authorization(policies, defaultAction)])
        for (const request of requests) {
          const asked = facts({ direction: 'inbound', port: 8080, ...request })
          assert.deepEqual(decide(asked, told, SILENT), decide(asked, told, new StepRecorder()))
        }
      },
    ),
    { numRuns: 500 },
  )
})
