import type { Endpoint } from '../config/resources.ts'

/** Sum of the endpoints' weights. O(number of endpoints). */
export function totalWeight(endpoints: readonly Endpoint[]): number {
  let total = 0
  for (let i = 0; i < endpoints.length; i++) total += (endpoints[i] as Endpoint).weight
  return total
}

/** The endpoint in whose share `position` (0 ≤ position < total weight) lies. O(number of endpoints). */
export function atWeight(endpoints: readonly Endpoint[], position: number): Endpoint | undefined {
  let left = position
  for (let i = 0; i < endpoints.length; i++) {
    const endpoint = endpoints[i] as Endpoint
    if (left < endpoint.weight) return endpoint
    left -= endpoint.weight
  }
  return endpoints[endpoints.length - 1]
}
