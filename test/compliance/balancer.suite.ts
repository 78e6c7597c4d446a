import assert from 'node:assert/strict'
import test from 'ava'
import type { Balancer, EndpointLoad } from '../../sidecar/balancing/balancer.ts'
import { seededRandom } from '../../sidecar/core/random.ts'
import { endpoint } from '../support/resources.ts'

/** What every balancer holds. Load is told by endpoint id; what a balancer picks is told back by `picks`. */
export function balancerSuite(balancer: Balancer): void {
  const { name } = balancer
  const five = ['a', 'b', 'c', 'd', 'e'].map((id) => endpoint(id))

  test(`${name}: picks nothing from nothing, and the only one from one`, () => {
    assert.equal(balancer.pick([], 'shop/orders', idle(), seededRandom(1)), undefined)
    const [only = endpoint('x')] = five
    assert.equal(balancer.pick([only], 'shop/orders', idle(), seededRandom(1)), only)
  })

  test(`${name}: picks only from what it is given`, () => {
    for (const picked of picks(balancer, five.slice(0, 3), 500).keys()) assert(['a', 'b', 'c'].includes(picked), picked)
  })

  test(`${name}: shares idle traffic evenly`, () => {
    const counts = picks(balancer, five, 5_000)
    for (const { id } of five) {
      const count = counts.get(id) ?? 0
      assert(count > 850 && count < 1_150, `${id}: ${count}`)
    }
  })

  test(`${name}: shares by weight under load`, () => {
    const counts = picks(balancer, [endpoint('light'), endpoint('heavy', { weight: 3 })], 4_000, true)
    const share = (counts.get('heavy') ?? 0) / 4_000
    assert(share > 0.7 && share < 0.8, `heavy has ${share}`)
  })

  test(`${name}: picks the same by the same chance`, () => {
    assert.deepEqual(picks(balancer, five, 100), picks(balancer, five, 100))
  })

  test(`${name}: picks an endpoint whatever chance says`, () => {
    for (const chance of [0, 0.5, 1 - 2 ** -53]) {
      assert.notEqual(
        balancer.pick(five, 'shop/orders', idle(), () => chance),
        undefined,
      )
    }
  })
}

const idle = (turn = 0): EndpointLoad => ({ cost: () => 1, inFlight: () => 0, turn: () => turn })

/** Counts of `count` picks. `isHeld`: nothing that was picked ever ends, so that load tells on the next pick. */
function picks(
  balancer: Balancer,
  from: Parameters<Balancer['pick']>[0],
  count: number,
  isHeld = false,
): Map<string, number> {
  const random = seededRandom(42)
  const counts = new Map<string, number>()
  let turn = 0
  const inFlight = (id: string): number => (isHeld ? (counts.get(id) ?? 0) : 0)
  const load: EndpointLoad = {
    cost: ({ id }) => inFlight(id) + 1,
    inFlight: ({ id }) => inFlight(id),
    turn: () => turn,
  }
  for (; turn < count; turn++) {
    const picked = balancer.pick(from, 'shop/orders', load, random)
    if (picked !== undefined) counts.set(picked.id, (counts.get(picked.id) ?? 0) + 1)
  }
  return counts
}
