/** What a pattern may be: a name, a name's beginning with `*` after it, or `*` for all. */
export const NAME_PATTERN = /^(?:[a-zA-Z0-9._-]+\*?|\*)$/

/** Whether `name` is what `pattern` says. Characters stand for themselves: a dot is a dot (CVE-2026-39350). */
export function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}
