import Type, { type Static } from 'typebox'
import { type KindDefinition, OUTRIGGER_API } from './kind-definition.ts'
import { fields, list, notYet, ObjectName, oneOf } from './schema-parts.ts'
import type { ShapeProblem } from './shape-problems.ts'
import { checkTrafficSections, TRAFFIC_SECTIONS } from './traffic-sections.ts'

const TargetRef = fields({
  group: Type.Optional(oneOf(['', 'gateway.networking.k8s.io'])),
  kind: oneOf(['Service', 'HTTPRoute'], { notYetValues: { GRPCRoute: 'GRPCRoute' } }),
  name: ObjectName,
  namespace: notYet('targets in other namespaces; put the policy into the namespace of its target'),
  sectionName: notYet('policies for a single port or rule'),
})

/** Client side: how callers treat a service, or the requests of one route. */
export const TrafficPolicySpec = fields({ targetRefs: list(TargetRef, 16, 1), ...TRAFFIC_SECTIONS })
export type TrafficPolicySpec = Static<typeof TrafficPolicySpec>

export const trafficPolicyKind = {
  kind: 'TrafficPolicy',
  apiVersion: OUTRIGGER_API,
  plural: 'trafficpolicies',
  shortNames: ['tp'],
  scope: 'Namespaced',
  description:
    'How callers treat a service, or the requests of one route: balancing, limits, ejection, timeouts, retries. What is absent is inherited from MeshConfig.',
  spec: TrafficPolicySpec,
  columns: [],
  check,
} as const satisfies KindDefinition

/** What a route can carry for itself; the rest is state of the service as a whole. */
const ROUTE_SECTIONS = ['timeouts', 'retry']

function check(spec: TrafficPolicySpec): readonly ShapeProblem[] {
  const problems = [...checkTrafficSections(spec, ['spec'])]
  const targetsRoute = spec.targetRefs.some((target) => target.kind === 'HTTPRoute')
  if (targetsRoute) {
    for (const name of Object.keys(spec)) {
      if (name === 'targetRefs' || ROUTE_SECTIONS.includes(name)) continue
      problems.push({
        path: ['spec', name],
        problem: 'cannot be set for an HTTPRoute',
        allowed: 'timeouts and retry, or a Service as target',
      })
    }
    if (spec.timeouts?.streamIdle !== undefined) {
      problems.push({
        path: ['spec', 'timeouts', 'streamIdle'],
        problem: 'cannot be set for an HTTPRoute',
        allowed: 'request, perTry',
      })
    }
  }
  for (const [i, target] of spec.targetRefs.entries()) {
    const wanted = target.kind === 'Service' ? '' : 'gateway.networking.k8s.io'
    if (target.group !== undefined && target.group !== wanted) {
      problems.push({
        path: ['spec', 'targetRefs', i, 'group'],
        problem: `is not the group of ${target.kind}`,
        found: JSON.stringify(target.group),
        allowed: JSON.stringify(wanted),
      })
    }
  }
  return problems
}
