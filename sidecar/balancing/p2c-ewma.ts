import type { Balancer } from './balancer.ts'

/**
 * Power of two choices: of two different endpoints taken at random, the one that promises to be cheaper (peak EWMA of its
 * latency, times what it has to do), in relation to its weight. O(1).
 * Source: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001; Finagle's Peak EWMA.
 */
export const p2cEwma: Balancer = {
  name: 'p2c-ewma',
  pick(endpoints, _service, load, random) {
    const count = endpoints.length
    if (count < 2) return endpoints[0]
    const i = Math.floor(random() * count)
    const j = Math.floor(random() * (count - 1))
    const one = endpoints[i]
    const other = endpoints[j < i ? j : j + 1]
    if (one === undefined || other === undefined) return one ?? other
    return load.cost(one) * other.weight <= load.cost(other) * one.weight ? one : other
  },
}
