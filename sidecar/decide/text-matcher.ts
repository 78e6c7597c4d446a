import assert from 'node:assert/strict'
import type { NamedMatch, TextMatch } from '../config/resources.ts'

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

function wantedOf(match: TextMatch): string {
  if (match.type === 'present') return 'any value'
  if (match.type === 'exact') return JSON.stringify(match.value)
  return `${match.type === 'path-prefix' ? 'prefix' : match.type} ${JSON.stringify(match.value)}`
}
