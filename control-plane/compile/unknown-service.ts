import { didYouMean, type FieldPath } from '../policy/shape-problems.ts'
import type { World } from '../world/world.ts'
import type { Finding } from './finding.ts'

/** Services that a message names; more are counted. */
const MAX_NAMED = 12

/** The finding for a reference to a service (`namespace/name`) that does not exist. */
export function unknownService(world: World, service: string, path: FieldPath): Finding {
  const known = [...world.services.keys()]
  const named = known.slice(0, MAX_NAMED).join(', ')
  const more = known.length > MAX_NAMED ? ` and ${known.length - MAX_NAMED} more` : ''
  return {
    severity: 'error',
    path,
    problem: `names a service that does not exist${didYouMean(service, known)}`,
    found: JSON.stringify(service),
    allowed:
      known.length === 0
        ? 'no service is known yet; apply its Service manifest too'
        : `a known service: ${named}${more}`,
  }
}
