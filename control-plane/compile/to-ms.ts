import assert from 'node:assert/strict'
import { findDurationMs } from '../policy/duration.ts'

/** Length of a checked GEP-2257 duration, ms; undefined stays undefined. */
export function toMs(text: string): number
export function toMs(text: string | undefined): number | undefined
export function toMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = findDurationMs(text)
  assert(ms !== undefined, 'durations are checked when a manifest is parsed')
  return ms
}
