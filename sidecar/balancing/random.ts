import type { Balancer } from './balancer.ts'
import { atWeight, totalWeight } from './by-weight.ts'

/** By chance, in proportion to weight. O(number of endpoints). */
export const random: Balancer = {
  name: 'random',
  pick(endpoints, _service, _load, random) {
    if (endpoints.length < 2) return endpoints[0]
    return atWeight(endpoints, random() * totalWeight(endpoints))
  },
}
