import { parseDurationMs } from '../../sidecar/core/duration.ts'

/** The length of a duration that the schema has let pass, ms: `1m30s` is 90 000. Undefined for text that is none. */
export function findDurationMs(text: string): number | undefined {
  const parsed = parseDurationMs(text)
  return parsed.ok ? parsed.value : undefined
}
