import { checkRequest } from './check-request.ts'
import type { Decision, RequestFacts, World } from './decision.ts'
import { decideInbound } from './inbound.ts'
import { decideOutbound } from './outbound.ts'
import type { Recorder } from './trace-step.ts'

/**
 * What happens to a request: the first decision of its exchange. Pure: the same facts, world and chance decide the same,
 * in a sidecar, in `explain` and in a test. Everything it says about itself goes to `recorder`; a silent one costs nothing.
 */
export function decide(facts: RequestFacts, world: World, recorder: Recorder): Decision {
  const error = checkRequest(facts)
  if (error !== undefined) return { kind: 'refuse', error }
  return facts.direction === 'outbound' ? decideOutbound(facts, world, recorder) : decideInbound(facts, world, recorder)
}
