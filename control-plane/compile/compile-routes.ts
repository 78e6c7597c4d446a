import type {
  NamedMatch,
  RetrySettings,
  RouteMatch,
  RouteRule,
  TextMatch,
  TrafficSettings,
} from '../../sidecar/config/resources.ts'
import { asCompared, canonicalPathMatch } from '../policy/canonical-match.ts'
import type { HTTPRouteMatch, HTTPRouteRule } from '../policy/http-route.ts'
import { manifestKey, refOf } from '../policy/manifest.ts'
import type { World, WorldService } from '../world/world.ts'
import { type Attachment, attachRoutes } from './attach-routes.ts'
import { byPrecedence } from './by-precedence.ts'
import { compileFilters } from './compile-filters.ts'
import { overlayRetry, saidBounds, toStatuses } from './compile-traffic.ts'
import { implicitOrigin, originOf } from './origin-of.ts'
import { resolveBackend } from './resolve-backend.ts'
import { toMs } from './to-ms.ts'

/** Gateway API: a route without rules, and a rule without matches, match everything. */
const DEFAULT_RULES: readonly HTTPRouteRule[] = [{}]
const DEFAULT_MATCHES: readonly HTTPRouteMatch[] = [{}]
/** Envoy's ratio of the longest to the first wait. */
const BACKOFF_SPAN = 10

/**
 * The rules for one caller of a service, in order of precedence, one entry for each match. A port that a route is attached
 * to has that route's rules and no others; a port that none is attached to has the implicit rule to the service itself.
 */
export function compileRoutes(
  world: World,
  service: WorldService,
  callerNamespace: string,
  traffic: TrafficSettings,
): RouteRule[] {
  const attachments = attachRoutes(world, service, callerNamespace)
  const rules = attachments.flatMap((attachment) => compileAttachment(world, service, attachment, traffic))
  // Stable: of equals the older route stays first, and within a route rules and matches stay in their order.
  rules.sort((a, b) => byPrecedence(a.match, b.match))
  const routed = new Set(attachments.flatMap(({ ports }) => ports))
  return [...rules, ...implicitRules(service, routed)]
}

function compileAttachment(
  world: World,
  service: WorldService,
  { route, ports }: Attachment,
  traffic: TrafficSettings,
): RouteRule[] {
  const policy = world.trafficPolicyByTarget.get(manifestKey(refOf(route)))
  const attachedPorts = ports.length === service.ports.length ? [] : [...ports]
  return (route.spec.rules ?? DEFAULT_RULES).flatMap((rule, i) => {
    const request = rule.timeouts?.request ?? policy?.spec.timeouts?.request
    const perTryTimeoutMs = toMs(rule.timeouts?.backendRequest ?? policy?.spec.timeouts?.perTry)
    const inherited = policy?.spec.retry === undefined ? undefined : overlayRetry(traffic.retry, policy.spec.retry)
    const retry = rule.retry === undefined ? inherited : toRetry(rule.retry, inherited ?? traffic.retry)
    const filters = compileFilters(rule.filters ?? [])
    const needsPrefix = [filters.rewrite?.path, filters.redirect?.path].some((edit) => edit?.type === 'replace-prefix')
    const matches = rule.matches === undefined || rule.matches.length === 0 ? DEFAULT_MATCHES : rule.matches
    return matches.map((match) => ({
      origin: originOf(route),
      rule: i,
      ports: attachedPorts,
      match: toMatch(match, needsPrefix),
      filters,
      backends: (rule.backendRefs ?? []).map((ref) => resolveBackend(world, ref, route)),
      ...saidBounds(request, policy?.spec.timeouts?.response),
      ...(perTryTimeoutMs === undefined ? {} : { perTryTimeoutMs }),
      ...(retry === undefined ? {} : { retry }),
    }))
  })
}

/** `backoff` is the least wait that a person asks for (GEP-1731): the bound of the first one here. */
function toRetry(retry: NonNullable<HTTPRouteRule['retry']>, base: RetrySettings): RetrySettings {
  const backoffBaseMs = toMs(retry.backoff)
  return {
    ...base,
    attempts: retry.attempts ?? base.attempts,
    statuses: retry.codes === undefined ? base.statuses : toStatuses(retry.codes),
    ...(backoffBaseMs === undefined ? {} : { backoffBaseMs, backoffMaxMs: backoffBaseMs * BACKOFF_SPAN }),
  }
}

/** The prefix `/` matches every path: it is left out, unless the prefix is to be replaced. */
function toMatch({ path, method, headers = [], queryParams = [] }: HTTPRouteMatch, needsPrefix: boolean): RouteMatch {
  const value = asCompared(canonicalPathMatch(path?.value ?? '/'))
  const isAny = path?.type !== 'Exact' && value === '/' && !needsPrefix
  const type = path?.type === 'Exact' ? 'exact' : 'path-prefix'
  return {
    ...(isAny ? {} : { path: { type, value } satisfies TextMatch }),
    ...(method === undefined ? {} : { method }),
    headers: firstOfEach(headers.map(({ name, value: text }) => toNamed(name.toLowerCase(), text))),
    query: firstOfEach(queryParams.map(({ name, value: text }) => toNamed(name, text))),
  }
}

const toNamed = (name: string, value: string): NamedMatch => ({ name, match: { type: 'exact', value } })

/** Of matches for one name only the first counts (Gateway API, HTTPHeaderMatch.name). */
const firstOfEach = (matches: readonly NamedMatch[]): NamedMatch[] =>
  matches.filter(({ name }, i) => matches.findIndex((other) => other.name === name) === i)

function implicitRules(service: WorldService, routed: ReadonlySet<number>): RouteRule[] {
  const isOnly = service.ports.length === 1
  return service.ports
    .filter(({ port }) => !routed.has(port))
    .map(({ port }) => ({
      origin: implicitOrigin(service.qualifiedName),
      rule: 0,
      ports: isOnly ? [] : [port],
      match: { headers: [], query: [] },
      filters: {},
      backends: [{ service: service.qualifiedName, port, weight: 1 }],
    }))
}
