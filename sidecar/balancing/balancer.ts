import type { Endpoint, TrafficSettings } from '../config/resources.ts'
import type { Random } from '../core/random.ts'
import type { LoadView } from '../decide/decision.ts'

/** The part of what changes by itself that a choice between endpoints may look at. */
export type EndpointLoad = Pick<LoadView, 'cost' | 'inFlight' | 'turn'>

/** Chooses between endpoints that are all usable: who is ejected or tried already is left out before. */
export interface Balancer {
  readonly name: TrafficSettings['balancer']
  /**
   * One of `endpoints`, or undefined when there is none. Pure: the same load and chance choose the same.
   * Does not allocate. O(1) unless the member says otherwise.
   * @param service whose endpoints these are: round robin's memory goes by it
   */
  pick(endpoints: readonly Endpoint[], service: string, load: EndpointLoad, random: Random): Endpoint | undefined
}
