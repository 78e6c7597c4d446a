import { BlockList } from 'node:net'
import { addCidr } from '../config/parse-resource.ts'
import type { AuthorizationPolicy, AuthorizationResource, AuthorizationRule } from '../config/resources.ts'
import { type NamedMatcher, type TextMatcher, toHeaderMatcher, toTextMatcher } from './text-matcher.ts'

/** Who a source means, ready to be asked; one of its lists is enough. */
export interface CompiledSource {
  readonly identities: ReadonlySet<string>
  readonly namespaces: ReadonlySet<string>
  /** `namespace/serviceAccount`. */
  readonly serviceAccounts: ReadonlySet<string>
  readonly addresses: BlockList | undefined
}

export interface CompiledAuthorizationRule {
  readonly rule: AuthorizationRule
  /** Undefined: everybody. */
  readonly sources: readonly CompiledSource[] | undefined
  readonly hosts: readonly TextMatcher[]
  readonly paths: readonly TextMatcher[]
  readonly headers: readonly NamedMatcher[]
}

export interface CompiledPolicy {
  readonly policy: AuthorizationPolicy
  readonly rules: readonly CompiledAuthorizationRule[]
}

/** The policies by what they do, in the order they are asked. */
export interface CompiledAuthorization {
  readonly deny: readonly CompiledPolicy[]
  readonly allow: readonly CompiledPolicy[]
  readonly audit: readonly CompiledPolicy[]
  readonly defaultAction: AuthorizationResource['defaultAction']
}

const compiled = new WeakMap<AuthorizationResource, CompiledAuthorization>()

/** The policies, prepared for matching. O(1) after the first call for a resource. */
export function compiledAuthorization(resource: AuthorizationResource): CompiledAuthorization {
  const known = compiled.get(resource)
  if (known !== undefined) return known
  const of = (action: AuthorizationPolicy['action']): CompiledPolicy[] =>
    resource.policies
      .filter((policy) => policy.action === action)
      .map((policy) => ({ policy, rules: policy.rules.map(compileRule) }))
  const made: CompiledAuthorization = {
    deny: of('DENY'),
    allow: of('ALLOW'),
    audit: of('AUDIT'),
    defaultAction: resource.defaultAction,
  }
  compiled.set(resource, made)
  return made
}

function compileRule(rule: AuthorizationRule): CompiledAuthorizationRule {
  return {
    rule,
    sources: rule.sources?.map(compileSource),
    hosts: rule.hosts.map((host) => toTextMatcher({ type: host.type, value: host.value.toLowerCase() })),
    paths: rule.paths.map(toTextMatcher),
    headers: rule.headers.map(toHeaderMatcher),
  }
}

function compileSource(source: NonNullable<AuthorizationRule['sources']>[number]): CompiledSource {
  let addresses: BlockList | undefined
  if (source.cidrs !== undefined) {
    addresses = new BlockList()
    for (const cidr of source.cidrs) addCidr(addresses, cidr)
  }
  return {
    identities: new Set(source.identities),
    namespaces: new Set(source.namespaces),
    serviceAccounts: new Set(source.serviceAccounts),
    addresses,
  }
}
