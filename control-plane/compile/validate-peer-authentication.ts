import type { PeerAuthenticationManifest } from '../policy/manifest.ts'
import { nameOf } from '../policy/manifest.ts'
import type { World } from '../world/world.ts'
import type { Finding } from './finding.ts'
import { selects } from './selects.ts'
import { canonicalJson } from './version-of.ts'

/** Selectors that mean nobody, and policies that an older one with the same selector overrides (warnings). */
export function validatePeerAuthentication(world: World, policy: PeerAuthenticationManifest): readonly Finding[] {
  const { namespace } = policy.metadata
  const labels = policy.spec.selector?.matchLabels ?? {}
  const findings: Finding[] = []
  const local = [...world.workloads.values()].filter((one) => one.namespace === namespace)
  if (Object.keys(labels).length > 0 && !local.some((workload) => selects(policy.spec.selector, workload))) {
    findings.push({
      severity: 'warning',
      path: ['spec', 'selector'],
      problem: `matches no workload that is registered now in namespace ${namespace}`,
      found: JSON.stringify(labels),
    })
  }
  const first = world.peerAuthentications.find(
    ({ metadata, spec }) =>
      metadata.namespace === namespace && canonicalJson(spec.selector?.matchLabels ?? {}) === canonicalJson(labels),
  )
  if (first !== undefined && first !== policy) {
    findings.push({
      severity: 'warning',
      path: ['spec', 'selector'],
      problem: `has no effect: ${nameOf(first)} is older and has the same selector`,
      found: JSON.stringify(labels),
      allowed: 'one policy for each selector',
    })
  }
  return findings
}
