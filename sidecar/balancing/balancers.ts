import type { TrafficSettings } from '../config/resources.ts'
import type { Balancer } from './balancer.ts'
import { leastRequest } from './least-request.ts'
import { p2cEwma } from './p2c-ewma.ts'
import { random } from './random.ts'
import { roundRobin } from './round-robin.ts'

/** All balancers by the names that settings use. */
export const BALANCERS: Readonly<Record<TrafficSettings['balancer'], Balancer>> = {
  'p2c-ewma': p2cEwma,
  'least-request': leastRequest,
  'round-robin': roundRobin,
  random,
}
