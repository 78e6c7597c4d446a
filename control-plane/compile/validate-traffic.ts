import { manifestKey, nameOf, refOf, type TrafficPolicyManifest } from '../policy/manifest.ts'
import { didYouMean } from '../policy/shape-problems.ts'
import type { World } from '../world/world.ts'
import type { Finding } from './finding.ts'
import { unknownService } from './unknown-service.ts'

/** Targets that do not exist (errors), and targets that an older policy has already (warnings). */
export function validateTraffic(world: World, policy: TrafficPolicyManifest): readonly Finding[] {
  const { namespace } = policy.metadata
  const findings: Finding[] = []
  for (const [i, { kind, name }] of policy.spec.targetRefs.entries()) {
    const path = ['spec', 'targetRefs', i, 'name']
    if (kind === 'Service' && !world.services.has(`${namespace}/${name}`)) {
      findings.push(unknownService(world, `${namespace}/${name}`, path))
      continue
    }
    if (kind === 'HTTPRoute' && !world.manifests.has(manifestKey({ kind, namespace, name }))) {
      const known = world.httpRoutes
        .filter(({ metadata }) => metadata.namespace === namespace)
        .map(({ metadata }) => metadata.name)
      findings.push({
        severity: 'error',
        path,
        problem: `names a route that does not exist${didYouMean(name, known)}`,
        found: JSON.stringify(name),
        allowed:
          known.length === 0 ? `there is no HTTPRoute in namespace ${namespace}` : `a known route: ${known.join(', ')}`,
      })
      continue
    }
    const inForce = world.trafficPolicyByTarget.get(manifestKey({ kind, namespace, name }))
    if (inForce === undefined || manifestKey(refOf(inForce)) === manifestKey(refOf(policy))) continue
    findings.push({
      severity: 'warning',
      path,
      problem: `has no effect: ${nameOf(inForce)} is older and has the same target`,
      found: JSON.stringify(`${kind} ${name}`),
      allowed: 'one policy for each target',
    })
  }
  return findings
}
