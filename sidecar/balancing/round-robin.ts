import type { Balancer } from './balancer.ts'
import { atWeight, totalWeight } from './by-weight.ts'

/** Each in its turn, as many times in a row as its weight says. O(number of endpoints). */
export const roundRobin: Balancer = {
  name: 'round-robin',
  pick(endpoints, service, load) {
    if (endpoints.length < 2) return endpoints[0]
    return atWeight(endpoints, load.turn(service) % totalWeight(endpoints))
  },
}
