import type { Origin } from '../config/resources.ts'

/** A manifest as decisions name it: `HTTPRoute shop/orders`. */
export const toManifestName = (origin: Origin): string => `${origin.kind} ${origin.namespace}/${origin.name}`

/** A rule as decisions name it: `HTTPRoute shop/orders rule 0`. */
export const toRuleName = (origin: Origin, rule: number): string => `${toManifestName(origin)} rule ${rule}`

const LONGEST_QUOTE = 200

/** A peer's text in quotes, with controls escaped, cut where it is too long to read. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)

/** A list of names for a sentence: the first few, and how many more there are. */
export function listNames(names: readonly string[], limit = 10): string {
  if (names.length === 0) return 'none'
  const shown = names.slice(0, limit).join(', ')
  return names.length > limit ? `${shown} and ${names.length - limit} more` : shown
}
