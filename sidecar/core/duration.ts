import { err, ok, type Result } from '../../certs/result.ts'

/** Gateway API durations (GEP-2257), as a JSON Schema pattern. */
export const DURATION_PATTERN = '^([0-9]{1,5}(h|m|s|ms)){1,4}$'

const WHOLE = new RegExp(DURATION_PATTERN)
const PART = /([0-9]{1,5})(ms|h|m|s)/g
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/** `1h30m`, `10s`, `250ms` in milliseconds. The error is a sentence. */
export function parseDurationMs(text: string): Result<number, string> {
  if (!WHOLE.test(text))
    return err(
      `"${text}" is not a duration; wanted up to four of NUMBER with h, m, s or ms, such as 1h30m, 10s or 250ms`,
    )
  let totalMs = 0
  for (const [, amount, unit] of text.matchAll(PART)) totalMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0)
  return ok(totalMs)
}

/** Milliseconds as the shortest text that reads back the same: `90000` is `1m30s`. */
export function formatDuration(durationMs: number): string {
  let restMs = Math.round(durationMs)
  if (restMs === 0) return '0s'
  let text = ''
  for (const [unit, unitMs] of Object.entries(UNIT_MS)) {
    const amount = Math.floor(restMs / unitMs)
    if (amount > 0) text += `${amount}${unit}`
    restMs -= amount * unitMs
  }
  return text
}
