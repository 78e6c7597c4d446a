import assert from 'node:assert/strict'
import type { NamedMatch, TextMatch } from '../config/resources.ts'
import { isBlank } from '../http/fields.ts'

/** A text match, ready to be asked. */
export interface TextMatcher {
  readonly type: TextMatch['type']
  /** What is compared; a path prefix without its trailing slash. */
  readonly value: string
  /** The match as a person reads it: `"test"`, `prefix "/items"`, `any value`. */
  readonly wanted: string
}

/** A match of one named field or query parameter. */
export interface NamedMatcher {
  /** Field names are lower case; query names as written. */
  readonly name: string
  readonly text: TextMatcher
}

/** Prepares a match. Regular expressions never get here: `parseResource` refuses them. */
export function toTextMatcher(match: TextMatch): TextMatcher {
  assert(match.type !== 'regex', 'regular expressions are refused by parseResource')
  const value = match.type === 'path-prefix' && match.value.endsWith('/') ? match.value.slice(0, -1) : match.value
  return { type: match.type, value, wanted: wantedOf(match) }
}

/** Prepares a match of a header field: its name compares without case (RFC 9110 §5.1). */
export const toHeaderMatcher = ({ name, match }: NamedMatch): NamedMatcher => ({
  name: name.toLowerCase(),
  text: toTextMatcher(match),
})

/** Whether `subject` matches. Linear in the shorter of the two. */
export function matchesText(matcher: TextMatcher, subject: string): boolean {
  const { type, value } = matcher
  switch (type) {
    case 'exact':
      return subject === value
    case 'path-prefix':
      // Whole elements: `/abc` matches `/abc`, `/abc/` and `/abc/d`, not `/abcd` (Gateway API, HTTPPathMatch).
      return subject.startsWith(value) && (subject.length === value.length || subject.charCodeAt(value.length) === 0x2f)
    case 'prefix':
      return subject.startsWith(value)
    case 'suffix':
      return subject.endsWith(value)
    case 'present':
      return true
    case 'regex':
      return false
  }
}

const COMMA = 0x2c

/**
 * Whether a member of the comma-separated list `list` matches. One pass and no copies: a header table lets a few octets of
 * the wire name a list of thousands, and each rule that denies reads it anew.
 */
export function matchesMember(matcher: TextMatcher, list: string): boolean {
  const { type, value } = matcher
  if (!list.includes(',') || !list.includes(value)) return false
  let from = 0
  for (let at = 0; at <= list.length; at++) {
    if (at < list.length && list.charCodeAt(at) !== COMMA) continue
    let to = at
    while (from < to && isBlank(list.charCodeAt(from))) from++
    while (to > from && isBlank(list.charCodeAt(to - 1))) to--
    if (to - from === value.length && list.startsWith(value, from)) return true
    if (type !== 'exact' && matchesText(matcher, list.slice(from, to))) return true
    from = at + 1
  }
  return false
}

function wantedOf(match: TextMatch): string {
  if (match.type === 'present') return 'any value'
  if (match.type === 'exact') return JSON.stringify(match.value)
  return `${match.type === 'path-prefix' ? 'prefix' : match.type} ${JSON.stringify(match.value)}`
}
