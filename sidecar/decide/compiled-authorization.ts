import { BlockList } from 'node:net'
import { addCidr } from '../config/parse-resource.ts'
import type { AuthorizationPolicy, AuthorizationResource, AuthorizationRule } from '../config/resources.ts'
import { otherReadings } from '../http/path-readings.ts'
import { type NamedMatcher, type TextMatcher, toHeaderMatcher, toTextMatcher } from './text-matcher.ts'
import type { TraceStep } from './trace-step.ts'

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
  /** `paths`, and the other readings of their own texts. */
  readonly readPaths: readonly TextMatcher[]
  readonly headers: readonly NamedMatcher[]
  /** Why it did not match when that was last described. */
  lastSkip: SkippedStep | undefined
}

/** A rule that did not match, as a trace says it. */
export type SkippedStep = Extract<TraceStep, { readonly step: 'policy-skipped' }>

export interface CompiledPolicy {
  readonly policy: AuthorizationPolicy
  readonly rules: readonly CompiledAuthorizationRule[]
}

/** The policies by what they do, in the order they are asked. */
export interface CompiledAuthorization {
  readonly deny: CallerIndex
  readonly allow: CallerIndex
  readonly audit: readonly CompiledPolicy[]
  readonly defaultAction: AuthorizationResource['defaultAction']
}

/** Callers that are remembered: more than a mesh has, and a bound all the same. */
const CALLER_COUNT = 1_000

/**
 * Policies, and what of them can concern a caller at all: who calls is the same for all requests of a link, so that rules
 * for others need not be asked each time. A rule that goes by address is kept for everybody.
 */
export class CallerIndex {
  readonly all: readonly CompiledPolicy[]
  readonly #byCaller = new Map<string, readonly CompiledPolicy[]>()

  constructor(all: readonly CompiledPolicy[]) {
    this.all = all
  }

  /** Policies whose rules can match the caller; those left out would fail by their sources. */
  of(caller: string | undefined): readonly CompiledPolicy[] {
    if (caller === undefined) return this.all
    let concerned = this.#byCaller.get(caller)
    if (concerned === undefined) {
      concerned = this.all.flatMap(({ policy, rules }) => {
        const left = rules.filter(({ sources }) => sources === undefined || sources.some((one) => mayMean(one, caller)))
        return left.length === 0 ? [] : [{ policy, rules: left }]
      })
      if (this.#byCaller.size >= CALLER_COUNT) this.#byCaller.clear()
      this.#byCaller.set(caller, concerned)
    }
    return concerned
  }
}

/** Whether the source means the caller, or may, by its address. */
const mayMean = (source: CompiledSource, caller: string): boolean =>
  source.addresses !== undefined || meansIdentity(source, caller)

/** Whether the source means the identity. Compared as text, never as a pattern (Istio CVE-2026-39350). */
export function meansIdentity({ identities, namespaces, serviceAccounts }: CompiledSource, caller: string): boolean {
  if (identities.has(caller)) return true
  if (namespaces.size === 0 && serviceAccounts.size === 0) return false
  const account = toAccount(caller)
  return (
    account !== undefined && (namespaces.has(account.slice(0, account.indexOf('/'))) || serviceAccounts.has(account))
  )
}

/** `namespace/serviceAccount` of `spiffe://<domain>/ns/<namespace>/sa/<account>`; undefined for identities of another form. */
function toAccount(identity: string): string | undefined {
  const match = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(identity)
  return match === null ? undefined : `${match[1]}/${match[2]}`
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
    deny: new CallerIndex(of('DENY')),
    allow: new CallerIndex(of('ALLOW')),
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
    readPaths: rule.paths.flatMap(({ type, value }) =>
      [value, ...otherReadings(value)].map((text) => toTextMatcher({ type, value: text })),
    ),
    headers: rule.headers.map(toHeaderMatcher),
    lastSkip: undefined,
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
