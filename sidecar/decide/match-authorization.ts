import { isIP } from 'node:net'
import { hostOf } from '../http/authority.ts'
import { fieldValues } from '../http/fields.ts'
import { type CompiledAuthorizationRule, type CompiledSource, meansIdentity } from './compiled-authorization.ts'
import type { RequestFacts } from './decision.ts'
import { listNames, quote } from './describe.ts'
import { matchesMember, matchesText, type NamedMatcher, type TextMatcher } from './text-matcher.ts'

/** What a rule is asked about. */
export interface Question {
  readonly facts: RequestFacts
  /** The application's port. */
  readonly appPort: number
  /** Path without query. */
  readonly pathname: string
  /** How else applications read it: a rule that allows must hold for all of these too, one that denies for any. */
  readonly readings: readonly string[]
  /**
   * A rule that allows must hold for every value of a repeated field; one that denies (or audits) for any of them, be they
   * lines or members of a list (Envoy CVE-2026-26308). Of a connection that is carried as it is, whose requests nobody
   * sees, what is said of requests holds nowhere where it would allow, and everywhere where it would deny (as in Istio).
   */
  readonly isGrant: boolean
}

/**
 * Which predicate of the rule the request fails first; undefined when it matches.
 * All kinds of predicate must hold; within one, any entry will do; headers must all hold.
 */
export type AuthorizationFailure = 'source' | 'port' | 'method' | 'host' | 'path' | NamedMatcher

/** The first predicate that fails, or undefined when the rule matches. */
export function firstAuthorizationFailure(
  compiled: CompiledAuthorizationRule,
  question: Question,
): AuthorizationFailure | undefined {
  const { rule, sources, hosts, paths, headers } = compiled
  const { facts, appPort, isGrant } = question
  if (sources !== undefined && !sources.some((source) => isMeant(source, facts))) return 'source'
  if (rule.ports.length > 0 && !rule.ports.includes(appPort)) return 'port'
  if (facts.wire === 'tcp') return isGrant ? firstOfRequests(compiled) : undefined
  if (rule.methods.length > 0 && !rule.methods.includes(facts.method)) return 'method'
  if (hosts.length > 0 && !matchesOne(hosts, hostOf(facts.authority).toLowerCase())) return 'host'
  if (paths.length > 0 && !matchesPath(compiled, question)) return 'path'
  for (const header of headers) {
    if (!(isGrant ? holdsForAll(header, facts) : holdsForAny(header, facts))) return header
  }
  return undefined
}

/** The first predicate that asks for a request: of a connection, none holds. */
function firstOfRequests({ rule, hosts, paths, headers }: CompiledAuthorizationRule): AuthorizationFailure | undefined {
  if (rule.methods.length > 0) return 'method'
  if (hosts.length > 0) return 'host'
  if (paths.length > 0) return 'path'
  return headers[0]
}

/** Says what was found and what was wanted: `method is POST, wanted GET`. */
export function describeAuthorizationFailure(
  compiled: CompiledAuthorizationRule,
  question: Question,
  failure: AuthorizationFailure,
): string {
  const { rule, hosts, paths } = compiled
  const { facts, appPort } = question
  const any = (matchers: readonly TextMatcher[]): string =>
    listNames(
      matchers.map(({ wanted }) => wanted),
      5,
    )
  switch (failure) {
    case 'source':
      return `caller is ${callerOf(facts)}, wanted ${wantedSources(rule.sources ?? [])}`
    case 'port':
      return `port is ${appPort}, wanted ${rule.ports.join(' or ')}`
    case 'method':
      return `method is ${facts.method}, wanted ${rule.methods.join(' or ')}`
    case 'host':
      return `host is ${quote(hostOf(facts.authority))}, wanted ${any(hosts)}`
    case 'path':
      return `path is ${describePath(compiled, question)}, wanted ${any(paths)}`
    default: {
      const values = fieldValues(facts.fields, failure.name)
      const found = values.length === 0 ? 'absent' : values.map(quote).join(' and ')
      return `header ${failure.name} is ${found}, wanted ${failure.text.wanted}`
    }
  }
}

/** The caller as refusals name it. */
export const callerOf = (facts: RequestFacts): string => facts.caller ?? `without identity, at ${facts.callerAddress}`

function isMeant(source: CompiledSource, { caller, callerAddress }: RequestFacts): boolean {
  if (caller !== undefined && meansIdentity(source, caller)) return true
  return source.addresses !== undefined && contains(source.addresses, callerAddress)
}

function contains(addresses: NonNullable<CompiledSource['addresses']>, text: string): boolean {
  const address = text.startsWith('::ffff:') && isIP(text.slice(7)) === 4 ? text.slice(7) : text
  const family = isIP(address)
  return family !== 0 && addresses.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

function matchesOne(matchers: readonly TextMatcher[], subject: string): boolean {
  for (const matcher of matchers) if (matchesText(matcher, subject)) return true
  return false
}

/** Of the readings of a path that a manifest means, those of the manifest's own text are meant too. */
function matchesPath({ paths, readPaths }: CompiledAuthorizationRule, question: Question): boolean {
  const { pathname, readings, isGrant } = question
  const isMatch = matchesOne(paths, pathname)
  if (isMatch !== isGrant || readings.length === 0) return isMatch
  return isGrant
    ? readings.every((reading) => matchesOne(readPaths, reading))
    : readings.some((reading) => matchesOne(paths, reading))
}

/** The path, and the reading for which a rule that allows does not hold, when that is what it fails by. */
function describePath({ paths, readPaths }: CompiledAuthorizationRule, { pathname, readings }: Question): string {
  if (!matchesOne(paths, pathname)) return quote(pathname)
  const other = readings.find((reading) => !matchesOne(readPaths, reading)) ?? pathname
  return `${quote(pathname)}, which some applications read as ${quote(other)}`
}

function holdsForAll({ name, text }: NamedMatcher, { fields }: RequestFacts): boolean {
  let isThere = false
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) continue
    if (!matchesText(text, fields[i + 1] as string)) return false
    isThere = true
  }
  return isThere
}

function holdsForAny({ name, text }: NamedMatcher, { fields }: RequestFacts): boolean {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== name) continue
    const value = fields[i + 1] as string
    if (matchesText(text, value) || matchesMember(text, value)) return true
  }
  return false
}

function wantedSources(sources: NonNullable<CompiledAuthorizationRule['rule']['sources']>): string {
  const names: string[] = []
  for (const source of sources) {
    names.push(...(source.identities ?? []))
    for (const namespace of source.namespaces ?? []) names.push(`namespace ${namespace}`)
    for (const account of source.serviceAccounts ?? []) names.push(`service account ${account}`)
    names.push(...(source.cidrs ?? []))
  }
  return names.length === 0 ? 'nobody' : listNames(names, 5)
}
