const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const

/** The text form of a duration in manifests: one to four numbers with units, no signs, no fractions (GEP-2257). */
export const DURATION_PATTERN = '^([0-9]{1,5}(h|m|s|ms)){1,4}$'

/** The length of a GEP-2257 duration, ms: `1m30s` is 90 000. Undefined for text that is none. */
export function findDurationMs(text: string): number | undefined {
  if (!new RegExp(DURATION_PATTERN).test(text)) return undefined
  let totalMs = 0
  for (const [, count, unit] of text.matchAll(/([0-9]{1,5})(ms|h|m|s)/g)) {
    totalMs += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
  }
  return totalMs
}
