import type { Random } from './random.ts'

/** Exponential back-off with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015). */
export interface BackoffPolicy {
  /** Upper bound of the first wait, ms. */
  readonly baseMs: number
  /** Upper bound of any wait, ms. */
  readonly maxMs: number
}

/** The wait before try number `attempt` (1 is the first repeat), ms: uniform between 0 and min(max, base·2^(attempt−1)). */
export function backoffMs(policy: BackoffPolicy, attempt: number, random: Random): number {
  const ceilingMs = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(attempt - 1, 30))
  return random() * ceilingMs
}
