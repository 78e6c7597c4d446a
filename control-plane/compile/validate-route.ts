import type { RouteRule } from '../../sidecar/config/resources.ts'
import type { HTTPRouteManifest } from '../policy/manifest.ts'
import { parentName } from '../policy/parent-name.ts'
import type { FieldPath } from '../policy/shape-problems.ts'
import type { World, WorldService } from '../world/world.ts'
import { compileRoutes } from './compile-routes.ts'
import { compileTraffic } from './compile-traffic.ts'
import type { Finding } from './finding.ts'
import { backendName, findBackendFault } from './resolve-backend.ts'
import { findParentFault } from './route-status.ts'
import { unknownService } from './unknown-service.ts'
import { canonicalJson } from './version-of.ts'

/** Parents and backends that do not exist (errors), and rules that no request can reach (warnings). */
export function validateRoute(world: World, route: HTTPRouteManifest): readonly Finding[] {
  const findings: Finding[] = []
  for (const [i, ref] of route.spec.parentRefs.entries()) {
    const path = ['spec', 'parentRefs', i]
    const service = world.services.get(parentName(ref, route))
    const fault = findParentFault(world, ref, route)
    if (service === undefined) findings.push(unknownService(world, parentName(ref, route), [...path, 'name']))
    else if (fault === undefined) findings.push(...shadowedRules(world, service, route))
    else
      findings.push(
        portFinding(fault, ref.port ?? ref.sectionName, service, [
          ...path,
          ref.port === undefined ? 'sectionName' : 'port',
        ]),
      )
  }
  for (const [i, rule] of (route.spec.rules ?? []).entries()) {
    for (const [j, ref] of (rule.backendRefs ?? []).entries()) {
      const path = ['spec', 'rules', i, 'backendRefs', j]
      const service = world.services.get(backendName(ref, route))
      const fault = findBackendFault(world, ref, route)
      if (service === undefined) findings.push(unknownService(world, backendName(ref, route), [...path, 'name']))
      else if (fault !== undefined) findings.push(portFinding(fault, ref.port, service, [...path, 'port']))
    }
  }
  return findings
}

const portFinding = (fault: string, found: unknown, { ports }: WorldService, path: FieldPath): Finding => ({
  severity: 'error',
  path,
  problem: `names a port that does not exist: ${fault}`,
  found: JSON.stringify(found),
  allowed: ports.map(({ port, name }) => (name === undefined ? port : `${port} (${name})`)).join(', '),
})

/** A rule whose match stands earlier in the list already, for all of its ports, is never asked. */
function shadowedRules(world: World, service: WorldService, route: HTTPRouteManifest): readonly Finding[] {
  const { namespace, name } = route.metadata
  const rules = compileRoutes(world, service, namespace, compileTraffic(world, service))
  const findings = new Map<number, Finding>()
  for (const [i, rule] of rules.entries()) {
    const { origin } = rule
    if (origin.kind !== 'HTTPRoute' || origin.namespace !== namespace || origin.name !== name) continue
    const earlier = rules.slice(0, i).find((other) => covers(other, rule))
    if (earlier === undefined || findings.has(rule.rule)) continue
    const by = `${earlier.origin.kind} ${earlier.origin.namespace}/${earlier.origin.name}, rule ${earlier.rule}`
    findings.set(rule.rule, {
      severity: 'warning',
      path: ['spec', 'rules', rule.rule],
      problem: `is never reached for a match that ${by} has too, which comes first`,
    })
  }
  return [...findings.values()]
}

const covers = (earlier: RouteRule, rule: RouteRule): boolean =>
  canonicalJson(earlier.match) === canonicalJson(rule.match) &&
  (earlier.ports.length === 0 || (rule.ports.length > 0 && rule.ports.every((port) => earlier.ports.includes(port))))
