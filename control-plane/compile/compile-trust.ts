import type { TrustResource } from '../../sidecar/config/resources.ts'
import type { World } from '../world/world.ts'

/** The roots that sidecars trust. */
export function compileTrust({ trust }: World): TrustResource {
  return { kind: 'Trust', name: trust.trustDomain, rootsPem: [...trust.rootsPem], sequence: trust.sequence }
}
