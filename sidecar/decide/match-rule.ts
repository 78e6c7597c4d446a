import { fieldValues } from '../http/fields.ts'
import type { CompiledRule } from './compiled-service.ts'
import type { RequestFacts } from './decision.ts'
import { quote } from './describe.ts'
import { matchesText, type NamedMatcher } from './text-matcher.ts'

/** Nothing failed: the rule matches. */
export const MATCHES = 0
const PORT = 1
const PATH = 2
const METHOD = 3
/** Failures from here on are headers and then query parameters, by their index. */
const NAMED = 4

/**
 * The first predicate of the rule that the request fails, as a number for `describeFailure`; `MATCHES` when none does.
 * A repeated header or query parameter matches when any of its values does. Allocates nothing without query predicates.
 * @param pathname the path without its query
 */
export function firstFailure(compiled: CompiledRule, facts: RequestFacts, pathname: string, port: number): number {
  const { rule, path, headers, query } = compiled
  if (rule.ports.length > 0 && !rule.ports.includes(port)) return PORT
  if (path !== undefined && !matchesText(path, pathname)) return PATH
  if (rule.match.method !== undefined && rule.match.method !== facts.method) return METHOD
  for (let i = 0; i < headers.length; i++) {
    if (!matchesAnyField(headers[i] as NamedMatcher, facts)) return NAMED + i
  }
  for (let i = 0; i < query.length; i++) {
    const named = query[i] as NamedMatcher
    if (!queryValues(facts.path, named.name).some((value) => matchesText(named.text, value))) {
      return NAMED + headers.length + i
    }
  }
  return MATCHES
}

/** Says which predicate failed, what was found and what was wanted: `header x-env is "prod", wanted "test"`. */
export function describeFailure(
  compiled: CompiledRule,
  facts: RequestFacts,
  request: { readonly pathname: string; readonly port: number },
  failure: number,
): string {
  const { rule, path, headers, query } = compiled
  if (failure === PORT) return `port is ${request.port}, wanted ${rule.ports.join(' or ')}`
  if (failure === PATH) return `path is ${quote(request.pathname)}, wanted ${path?.wanted ?? 'any'}`
  if (failure === METHOD) return `method is ${facts.method}, wanted ${rule.match.method ?? 'any'}`
  const header = headers[failure - NAMED]
  if (header !== undefined) {
    return `header ${header.name} is ${found(fieldValues(facts.fields, header.name))}, wanted ${header.text.wanted}`
  }
  const parameter = query[failure - NAMED - headers.length]
  if (parameter === undefined) return 'it matches'
  return `query ${parameter.name} is ${found(queryValues(facts.path, parameter.name))}, wanted ${parameter.text.wanted}`
}

/** What a rule asks for, for a person: `path prefix "/items", method GET`. */
export function describeMatch({ rule, path, headers, query }: CompiledRule): string {
  const parts: string[] = []
  if (path !== undefined) parts.push(`path ${path.wanted}`)
  if (rule.match.method !== undefined) parts.push(`method ${rule.match.method}`)
  for (const header of headers) parts.push(`header ${header.name} ${header.text.wanted}`)
  for (const parameter of query) parts.push(`query ${parameter.name} ${parameter.text.wanted}`)
  return parts.length === 0 ? 'everything' : parts.join(', ')
}

function matchesAnyField(named: NamedMatcher, facts: RequestFacts): boolean {
  const { fields } = facts
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === named.name && matchesText(named.text, fields[i + 1] as string)) return true
  }
  return false
}

/** Values of a query parameter, decoded as forms write them (WHATWG URL §5.1, application/x-www-form-urlencoded). */
function queryValues(path: string, name: string): string[] {
  const mark = path.indexOf('?')
  return mark < 0 ? [] : new URLSearchParams(path.slice(mark + 1)).getAll(name)
}

const found = (values: readonly string[]): string => (values.length === 0 ? 'absent' : values.map(quote).join(' and '))
