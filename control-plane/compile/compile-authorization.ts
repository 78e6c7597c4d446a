import type {
  AuthorizationPolicy,
  AuthorizationResource,
  AuthorizationRule,
  AuthorizationSource,
  NamedMatch,
  TextMatch,
} from '../../sidecar/config/resources.ts'
import type { AuthorizationPolicySpec, AuthorizationSource as IntendedSource } from '../policy/authorization-policy.ts'
import { asCompared, canonicalHostMatch, canonicalPathMatch } from '../policy/canonical-match.ts'
import type { AuthorizationPolicyManifest } from '../policy/manifest.ts'
import type { Workload, World } from '../world/world.ts'
import { identityOf } from './identity-of.ts'
import { originOf } from './origin-of.ts'
import { rootNamespaceOf } from './root-namespace.ts'
import { selects } from './selects.ts'

type IntendedRule = NonNullable<AuthorizationPolicySpec['rules']>[number]

/**
 * Who may call a workload: the policies that concern it, the oldest first. A policy concerns the workloads of its
 * namespace (of the root namespace: of the mesh) that its targets mean; without targets all of them.
 */
export function compileAuthorization(world: World, workload: Workload): AuthorizationResource {
  const policies: AuthorizationPolicy[] = []
  for (const manifest of world.authorizationPolicies) {
    const scope = findScope(world, manifest, workload)
    if (scope === undefined) continue
    policies.push({
      origin: originOf(manifest),
      action: manifest.spec.action ?? 'ALLOW',
      rules: (manifest.spec.rules ?? []).flatMap((rule, i) => toRule(rule, i, scope, world, manifest)),
    })
  }
  return { kind: 'Authorization', name: `${workload.namespace}/${workload.name}`, defaultAction: 'ALLOW', policies }
}

/** Application ports that a policy is bound to; empty for all. */
type Scope = readonly number[]

/**
 * Whether a policy concerns the workload, and for which of its ports. A Service as target means the workloads that serve
 * it; where they serve others too, only the ports of that service.
 */
function findScope(
  world: World,
  { metadata, spec }: AuthorizationPolicyManifest,
  workload: Workload,
): Scope | undefined {
  const isMeshWide = metadata.namespace === rootNamespaceOf(world)
  if (!isMeshWide && metadata.namespace !== workload.namespace) return undefined
  if (spec.targetRefs === undefined) return []
  const ports = new Set<number>()
  for (const target of spec.targetRefs) {
    if (target.kind === 'Pod') {
      if (selects(target.selector, workload)) return []
      continue
    }
    const service = `${metadata.namespace}/${target.name}`
    const served = workload.serves.filter((one) => one.service === service)
    if (served.length === 0) continue
    const isOnly = workload.serves.every((one) => served.some(({ appPort }) => appPort === one.appPort))
    if (isOnly) return []
    for (const { appPort } of served) ports.add(appPort)
  }
  return ports.size === 0 ? undefined : [...ports].sort((a, b) => a - b)
}

/** None where the rule names only ports that are not the target's: a rule without ports would mean all of them. */
function toRule(
  rule: IntendedRule,
  index: number,
  scope: Scope,
  world: World,
  manifest: AuthorizationPolicyManifest,
): AuthorizationRule[] {
  const named = rule.networkAttributes?.ports
  const ports =
    named === undefined ? [...scope] : scope.length === 0 ? named : named.filter((port) => scope.includes(port))
  if (named !== undefined && ports.length === 0) return []
  const { methods = [], hosts = [], paths = [], headers = [] } = rule.http ?? {}
  return [
    {
      rule: index,
      ...(rule.sources === undefined
        ? {}
        : { sources: rule.sources.map((source) => toSource(source, world, manifest.metadata.namespace)) }),
      ports,
      methods: [...methods],
      hosts: hosts.map(toHostMatch),
      paths: paths.map(({ type, value }) => ({
        type: type === 'Exact' ? 'exact' : 'path-prefix',
        value: asCompared(canonicalPathMatch(value)),
      })),
      headers: headers.map(
        ({ name, value }): NamedMatch => ({
          name: name.toLowerCase(),
          match: value === undefined ? { type: 'present', value: '' } : { type: 'exact', value },
        }),
      ),
    },
  ]
}

/** Service accounts become whole identities: an account of that name in another trust domain is somebody else. */
function toSource(source: IntendedSource, world: World, namespace: string): AuthorizationSource {
  const { serviceAccount, spiffe, namespace: ofNamespace, cidr } = source
  if (serviceAccount !== undefined) {
    const account = { namespace: serviceAccount.namespace ?? namespace, serviceAccount: serviceAccount.name }
    return { identities: [identityOf(world.trust.trustDomain, account)] }
  }
  if (spiffe !== undefined) return { identities: [spiffe] }
  if (ofNamespace !== undefined) return { namespaces: [ofNamespace] }
  return { cidrs: cidr === undefined ? [] : [cidr] }
}

/** `*` is any host, `*.shop.example` any below it. */
function toHostMatch(host: string): TextMatch {
  const value = asCompared(canonicalHostMatch(host))
  if (value === '*') return { type: 'present', value: '' }
  return value.startsWith('*') ? { type: 'suffix', value: value.slice(1) } : { type: 'exact', value }
}
