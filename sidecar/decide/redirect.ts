import type { RouteFilters } from '../config/resources.ts'
import { portOf } from '../http/authority.ts'
import type { CompiledRule } from './compiled-service.ts'
import type { Decision, RequestFacts } from './decision.ts'
import { editPath } from './path-edit.ts'

type Redirect = NonNullable<RouteFilters['redirect']>
const WELL_KNOWN = new Map([
  ['http', 80],
  ['https', 443],
])

/**
 * The answer that sends the caller elsewhere. What the filter leaves out stays as the caller asked for it; the port is that
 * of a scheme that is given, else the one that was asked for, and is not written when the scheme implies it.
 * Source: Gateway API, HTTPRequestRedirectFilter.
 */
export function redirect(filter: Redirect, rule: CompiledRule, facts: RequestFacts): Decision {
  const path = filter.path === undefined ? facts.path : editPath(facts.path, filter.path, rule)
  const location = locationOf(filter, facts.authority) + path
  return { kind: 'answer', response: { status: filter.status, fields: ['location', location], body: '' } }
}

function locationOf(filter: Redirect, authority: string): string {
  // HTTP/1.0 without Host: a relative reference is all that can be said (RFC 9110 §10.2.2).
  if (filter.hostname === undefined && authority === '') return ''
  const scheme = filter.scheme ?? 'http'
  const asked = portOf(authority)
  const host = filter.hostname ?? (asked === undefined ? authority : authority.slice(0, authority.lastIndexOf(':')))
  const port = filter.port ?? (filter.scheme === undefined ? asked : undefined)
  return `${scheme}://${host}${port === undefined || port === WELL_KNOWN.get(scheme) ? '' : `:${port}`}`
}
