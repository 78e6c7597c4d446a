import type { Endpoint } from '../config/resources.ts'
import type { Balancer } from './balancer.ts'

/**
 * The endpoint with the fewest exchanges in flight, in relation to its weight; of equals, the first after a random place.
 * O(number of endpoints).
 */
export const leastRequest: Balancer = {
  name: 'least-request',
  pick(endpoints, _service, load, random) {
    const count = endpoints.length
    if (count < 2) return endpoints[0]
    const start = Math.floor(random() * count)
    let best: Endpoint | undefined
    let bestShare = Number.POSITIVE_INFINITY
    for (let n = 0; n < count; n++) {
      const endpoint = endpoints[(start + n) % count] as Endpoint
      const share = (load.inFlight(endpoint) + 1) / endpoint.weight
      if (share < bestShare) {
        best = endpoint
        bestShare = share
      }
    }
    return best
  },
}
