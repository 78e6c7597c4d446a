import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import { err, ok, type Result } from '../../certs/result.ts'
import { WIRE_FIELDS } from '../../sidecar/config/route-rule.ts'
import { canonicalAuthority, hostOf, portOf } from '../../sidecar/http/authority.ts'
import { HeaderRule, headerRule } from '../../sidecar/http/header-rules.ts'
import { canonicalPath } from '../../sidecar/http/path.ts'
import type { FieldPath, ShapeProblem } from './shape-problems.ts'

/*
 * Sidecars compare requests in one canonical form. What a manifest says in another way that means the same is brought
 * into that form; what no request can ever be is refused: a DENY that never holds would let in what it is there to refuse.
 */

const NOT_ASCII = /[\u0080-\u{10ffff}]+/gu

/** Why a match can't hold, and what would. */
export type MatchProblem = Pick<ShapeProblem, 'problem' | 'allowed'>

/**
 * The form in which a request has a path that begins with, or is, `value`: octets that need no escape without one, the
 * others in upper case, what is not ASCII as escaped UTF-8 (RFC 3986 §6.2.2, RFC 3987 §3.1).
 */
export function canonicalPathMatch(value: string): Result<string, MatchProblem> {
  if (!value.isWellFormed()) return err({ problem: 'holds half of a character', allowed: 'whole characters' })
  const ascii = value.replaceAll(NOT_ASCII, encodeURIComponent)
  const path = canonicalPath(ascii)
  if (path === undefined) {
    const hint = ascii.includes('\\') ? '"%5C" for a backslash; ' : ''
    return err({
      problem: 'is a path that no request can have: sidecars refuse it as malformed',
      allowed: `${hint}escapes of two hexadecimal digits, as in "%20", that are UTF-8 and not "%00"`,
    })
  }
  const odd = /\/\/|\/\.\.?(?=\/|$)/.exec(ascii.replaceAll(/%2e/gi, '.'))?.[0]
  if (odd === undefined) return ok(path)
  return err({
    problem: `holds "${odd}", which no request has any more when it is compared`,
    allowed: `${JSON.stringify(path)}, which is what such a request becomes`,
  })
}

/** The form in which a request has a host: lower case, without a dot at the end. `*` and `*.` at the beginning stay. */
export function canonicalHostMatch(value: string): Result<string, MatchProblem> {
  if (value === '*') return ok(value)
  const wildcard = value.startsWith('*.') ? '*.' : ''
  const name = value.slice(wildcard.length)
  const address = name.replace(/^\[(.*)\](:\d*)?$/, '$1')
  if (isIP(address) === 6)
    return err({
      problem: 'is an IPv6 address, which a request can write in many ways',
      allowed: 'a name or an IPv4 address; networkAttributes.ports tells listeners apart',
    })
  const authority = canonicalAuthority(name)
  if (authority === undefined || authority === '') return err({ problem: 'is not a host', allowed: hintFor(name) })
  if (portOf(authority) !== undefined)
    return err({
      problem: 'names a port, without which hosts are compared',
      allowed: `${JSON.stringify(wildcard + hostOf(authority))}; ports are meant by networkAttributes.ports`,
    })
  return ok(wildcard + authority)
}

function hintFor(name: string): string {
  const ascii = domainToASCII(name)
  if (ascii !== '' && ascii !== name) return `${JSON.stringify(ascii)}, which is what such a request becomes`
  return 'a name such as "orders.shop", "*.shop.example" for all below it, or "*" for any'
}

/** What is wrong with a rule about the header field `name`, as its problem; nothing when a request can have it. */
export function checkHeaderMatch(name: string, value: string | undefined, at: FieldPath): readonly ShapeProblem[] {
  const problem = findNameProblem(name.toLowerCase())
  if (problem !== undefined) return [{ path: [...at, 'name'], found: JSON.stringify(name), ...problem }]
  if (value === undefined || value === value.trim()) return []
  return [
    {
      path: [...at, 'value'],
      problem: 'begins or ends with blanks, which no value of a field has any more when it is compared',
      found: JSON.stringify(value),
      allowed: JSON.stringify(value.trim()),
    },
  ]
}

/** Fields that are read and not kept (`expect`), or not kept as they came (`te`). */
const NOT_KEPT = new Set([...WIRE_FIELDS.filter((name) => name !== 'content-length'), 'expect'])

function findNameProblem(name: string): MatchProblem | undefined {
  if (name === 'host')
    return { problem: 'is not compared as a header field', allowed: 'http.hosts, or the parent of a route' }
  if (NOT_KEPT.has(name) || (headerRule(name) & HeaderRule.hopByHop) !== 0)
    return { problem: 'ends at each hop, so that no rule ever sees it', allowed: 'another field' }
  if ((headerRule(name) & HeaderRule.meshOnly) !== 0)
    return { problem: "is the mesh's own, and removed from what callers send", allowed: 'sources say who calls' }
  return undefined
}

/** The problem of a match, if any, as that of a field. */
export const toShapeProblems = (
  match: Result<string, MatchProblem>,
  value: string,
  path: FieldPath,
): readonly ShapeProblem[] => (match.ok ? [] : [{ path, found: JSON.stringify(value), ...match.error }])

/** The canonical form of a match in a manifest that has been checked. */
export function asCompared(match: Result<string, MatchProblem>): string {
  assert(match.ok, 'a match that can never hold is refused when its manifest is read')
  return match.value
}
