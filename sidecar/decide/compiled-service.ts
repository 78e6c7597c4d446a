import type { RetrySettings, RouteFilters, RouteRule, ServiceResource } from '../config/resources.ts'
import type { ForwardEdits } from './decision.ts'
import { type NamedMatcher, type TextMatcher, toHeaderMatcher, toTextMatcher } from './text-matcher.ts'

/** A route rule with what can be worked out before any request is seen. */
export interface CompiledRule {
  readonly rule: RouteRule
  readonly path: TextMatcher | undefined
  readonly headers: readonly NamedMatcher[]
  readonly query: readonly NamedMatcher[]
  /** Sum of the backends' weights. */
  readonly totalWeight: number
  /** The edits of a rule that rewrites nothing: the same for every request. */
  readonly edits: ForwardEdits | undefined
  readonly isRewriting: boolean
  readonly retry: RetrySettings
  readonly requestTimeoutMs: number
  /** Undefined: nobody said. */
  readonly responseTimeoutMs: number | undefined
  readonly perTryTimeoutMs: number
}

/** A service's rules in order of precedence. */
export interface CompiledService {
  readonly service: ServiceResource
  readonly rules: readonly CompiledRule[]
}

/** A pure function's memory: what follows from an immutable resource, kept as long as the resource is. */
const compiled = new WeakMap<ServiceResource, CompiledService>()

/** The service, prepared for matching. O(1) after the first call for a resource. */
export function compiledService(service: ServiceResource): CompiledService {
  const known = compiled.get(service)
  if (known !== undefined) return known
  const made: CompiledService = { service, rules: service.routes.map((rule) => compileRule(rule, service)) }
  compiled.set(service, made)
  return made
}

function compileRule(rule: RouteRule, service: ServiceResource): CompiledRule {
  const { match, filters } = rule
  let totalWeight = 0
  for (const backend of rule.backends) totalWeight += backend.weight
  return {
    rule,
    path: match.path === undefined ? undefined : toTextMatcher(match.path),
    headers: match.headers.map(toHeaderMatcher),
    query: match.query.map(({ name, match }) => ({ name, text: toTextMatcher(match) })),
    totalWeight,
    edits: staticEdits(filters),
    isRewriting: filters.rewrite !== undefined,
    retry: rule.retry ?? service.traffic.retry,
    requestTimeoutMs: rule.requestTimeoutMs ?? service.traffic.requestTimeoutMs,
    responseTimeoutMs: rule.responseTimeoutMs ?? service.traffic.responseTimeoutMs,
    perTryTimeoutMs: rule.perTryTimeoutMs ?? service.traffic.perTryTimeoutMs,
  }
}

function staticEdits(filters: RouteFilters): ForwardEdits | undefined {
  if (filters.request === undefined && filters.response === undefined) return undefined
  return { authority: undefined, path: undefined, request: filters.request, response: filters.response }
}
