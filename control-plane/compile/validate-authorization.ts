import type { AuthorizationPolicyManifest } from '../policy/manifest.ts'
import type { World } from '../world/world.ts'
import type { Finding } from './finding.ts'
import { rootNamespaceOf } from './root-namespace.ts'
import { selects } from './selects.ts'
import { unknownService } from './unknown-service.ts'

/** Services that do not exist (errors); selectors that mean nobody, and policies that refuse everybody (warnings). */
export function validateAuthorization(world: World, policy: AuthorizationPolicyManifest): readonly Finding[] {
  const { namespace } = policy.metadata
  const isMeshWide = namespace === rootNamespaceOf(world)
  const inScope = [...world.workloads.values()].filter((one) => isMeshWide || one.namespace === namespace)
  const findings: Finding[] = []
  for (const [i, target] of (policy.spec.targetRefs ?? []).entries()) {
    const path = ['spec', 'targetRefs', i]
    if (target.kind === 'Service') {
      const service = `${namespace}/${target.name}`
      if (!world.services.has(service)) findings.push(unknownService(world, service, [...path, 'name']))
    } else if (!inScope.some((workload) => selects(target.selector, workload))) {
      findings.push({
        severity: 'warning',
        path: [...path, 'selector'],
        problem: `matches no workload that is registered now${isMeshWide ? '' : ` in namespace ${namespace}`}`,
        found: JSON.stringify(target.selector?.matchLabels ?? {}),
      })
    }
  }
  const { action = 'ALLOW', rules = [] } = policy.spec
  if (rules.length === 0) {
    findings.push({
      severity: 'warning',
      path: ['spec', 'rules'],
      problem:
        action === 'ALLOW'
          ? 'are empty: an ALLOW policy without rules allows nobody, and so refuses every request to its targets'
          : `are empty: a policy of action ${action} without rules never applies`,
    })
  }
  return findings
}
