import { BlockList, isIP } from 'node:net'
import { err, type Result } from '../../certs/result.ts'
import { type Parser, type Problem, parserOf } from '../core/schema.ts'
import {
  AuthorizationResource,
  EndpointsResource,
  type NamedMatch,
  type Resource,
  type ResourceKind,
  ServiceResource,
  TelemetryResource,
  type TextMatch,
  TrustResource,
  WorkloadResource,
} from './resources.ts'

/** One parser for each kind: a union's would report what every other kind misses, too. */
const PARSERS: Readonly<Record<ResourceKind, Parser<Resource>>> = {
  Service: parserOf(ServiceResource),
  Endpoints: parserOf(EndpointsResource),
  Authorization: parserOf(AuthorizationResource),
  Workload: parserOf(WorkloadResource),
  Trust: parserOf(TrustResource),
  Telemetry: parserOf(TelemetryResource),
}

/**
 * The resource that `value` is, or everything that is wrong with it. Beyond the schema it refuses what a decision could
 * only half obey: regular expressions, addresses that are no CIDR, mesh endpoints without an identity, services without rules.
 */
export function parseResource(value: unknown): Result<Resource, readonly Problem[]> {
  const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined
  if (typeof kind !== 'string' || !Object.hasOwn(PARSERS, kind)) {
    const problem = `must be ${Object.keys(PARSERS).join(', ')}`
    return err([{ path: 'kind', problem, ...(typeof kind === 'string' ? { got: kind } : {}) }])
  }
  const parsed = PARSERS[kind as ResourceKind].parse(value)
  if (!parsed.ok) return parsed
  const problems: Problem[] = []
  checkMeaning(parsed.value, problems)
  return problems.length === 0 ? parsed : err(problems)
}

function checkMeaning(resource: Resource, problems: Problem[]): void {
  if (resource.kind === 'Service') checkService(resource, problems)
  else if (resource.kind === 'Endpoints') checkEndpoints(resource, problems)
  else if (resource.kind === 'Authorization') checkAuthorization(resource, problems)
}

function checkService(service: ServiceResource, problems: Problem[]): void {
  if (service.ports.length === 0) problems.push({ path: 'ports', problem: 'must have at least one port' })
  if (service.routes.length === 0) problems.push({ path: 'routes', problem: 'must have at least one rule' })
  for (const [i, host] of service.hostnames.entries()) {
    if (host !== host.toLowerCase())
      problems.push({ path: `hostnames[${i}]`, problem: 'must be lower case', got: host })
  }
  for (const [i, rule] of service.routes.entries()) {
    const at = `routes[${i}].match`
    if (rule.match.path !== undefined) checkText(rule.match.path, `${at}.path`, problems)
    checkNamed(rule.match.headers, `${at}.headers`, problems)
    checkNamed(rule.match.query, `${at}.query`, problems)
  }
}

function checkEndpoints(resource: EndpointsResource, problems: Problem[]): void {
  const seen = new Set<string>()
  for (const [i, endpoint] of resource.endpoints.entries()) {
    if (seen.has(endpoint.id))
      problems.push({ path: `endpoints[${i}].id`, problem: 'must be unique', got: endpoint.id })
    seen.add(endpoint.id)
    if (endpoint.transport === 'mesh' && endpoint.identity === undefined) {
      problems.push({ path: `endpoints[${i}].identity`, problem: 'is required for transport "mesh"' })
    }
  }
}

function checkAuthorization(resource: AuthorizationResource, problems: Problem[]): void {
  for (const [p, policy] of resource.policies.entries()) {
    for (const [r, rule] of policy.rules.entries()) {
      const at = `policies[${p}].rules[${r}]`
      for (const [i, host] of rule.hosts.entries()) checkText(host, `${at}.hosts[${i}]`, problems)
      for (const [i, path] of rule.paths.entries()) checkText(path, `${at}.paths[${i}]`, problems)
      checkNamed(rule.headers, `${at}.headers`, problems)
      for (const [s, source] of (rule.sources ?? []).entries()) {
        for (const [i, cidr] of (source.cidrs ?? []).entries()) {
          if (addCidr(new BlockList(), cidr)) continue
          problems.push({
            path: `${at}.sources[${s}].cidrs[${i}]`,
            problem: 'must be an IP address or a CIDR',
            got: cidr,
          })
        }
      }
    }
  }
}

function checkNamed(matches: readonly NamedMatch[], at: string, problems: Problem[]): void {
  for (const [i, named] of matches.entries()) checkText(named.match, `${at}[${i}].match`, problems)
}

/** Until a linear-time engine is here, an expression is refused whole: matched by halves, a policy could fail open (CVE-2026-73552). */
function checkText(match: TextMatch, at: string, problems: Problem[]): void {
  if (match.type !== 'regex') return
  problems.push({ path: `${at}.type`, problem: 'regular expressions are not supported yet', got: match.value })
}

/** Adds `10.0.0.0/8`, `fd00::/8` or a single address to `list`; false when it is none. */
export function addCidr(list: BlockList, cidr: string): boolean {
  const [address = '', bits, ...rest] = cidr.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  const widest = family === 4 ? 32 : 128
  const length = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  if (length < 0 || length > widest) return false
  list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6')
  return true
}
