import assert from 'node:assert/strict'
import test from 'ava'
import { BALANCERS } from '../../../sidecar/balancing/balancers.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { decide } from '../../../sidecar/decide/decide.ts'
import { SILENT } from '../../../sidecar/decide/trace-step.ts'
import { balancerSuite } from '../../compliance/balancer.suite.ts'
import { endpoint, endpoints, service, traffic } from '../../support/resources.ts'
import { facts, load, world } from '../../support/worlds.ts'

for (const balancer of Object.values(BALANCERS)) balancerSuite(balancer)

test('every balancer goes by the name it is found under', () => {
  for (const [name, balancer] of Object.entries(BALANCERS)) assert.equal(balancer.name, name)
})

test('no balancer is given an ejected endpoint by a decision, unless too many are ejected', () => {
  for (const { name } of Object.values(BALANCERS)) {
    const resources = [service({ traffic: traffic({ balancer: name }) }), endpoints(['a', 'b', 'c', 'd'])]
    let turn = 0
    const isEjected = ({ id }: { readonly id: string }): boolean => id === 'a' || id === 'c'
    const from = world(resources, {
      load: load({ isEjected, turn: () => turn, cost: ({ id }) => (isEjected({ id }) ? 0 : 9) }),
    })
    const counts = new Map<string, number>()
    for (; turn < 1_000; turn++) {
      const decision = decide(facts(), from, SILENT)
      assert(decision.kind === 'forward' && !isEjected(decision.endpoint), name)
      counts.set(decision.endpoint.id, (counts.get(decision.endpoint.id) ?? 0) + 1)
    }
    for (const count of counts.values()) assert(count > 400 && count < 600, `${name}: ${count}`)
  }
})

test('p2c-ewma picks the costlier of two never, and the costliest of many only against itself', () => {
  const many = ['a', 'b', 'c', 'slow'].map((id) => endpoint(id))
  const costs = load({ cost: ({ id }) => (id === 'slow' ? 500 : 5) })
  const random = seededRandom(3)
  for (let i = 0; i < 1_000; i++) {
    assert.notEqual(BALANCERS['p2c-ewma'].pick(many, 'shop/orders', costs, random)?.id, 'slow')
  }
})

test('least-request picks the endpoint with the fewest in flight', () => {
  const many = ['a', 'b', 'c'].map((id) => endpoint(id))
  const busy = load({ inFlight: ({ id }) => (id === 'b' ? 1 : 2) })
  for (let i = 0; i < 50; i++) {
    assert.equal(BALANCERS['least-request'].pick(many, 'shop/orders', busy, seededRandom(i))?.id, 'b')
  }
})

test('round-robin gives each its turn', () => {
  const many = ['a', 'b', 'c'].map((id) => endpoint(id))
  const order = [0, 1, 2, 3].map(
    (turn) => BALANCERS['round-robin'].pick(many, 'x/y', load({ turn: () => turn }), () => 0)?.id,
  )
  assert.deepEqual(order, ['a', 'b', 'c', 'a'])
})
