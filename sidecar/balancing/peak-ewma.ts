/** An average that follows a rise at once and a fall slowly, and forgets: what a try at an endpoint costs in time, ms. */
export interface PeakEwma {
  readonly valueMs: number
  readonly atMs: number
}

/** Nothing was measured yet: shared. */
export const UNMEASURED: PeakEwma = { valueMs: 0, atMs: 0 }

/** In this time a measurement loses all but 1/e of its weight (Finagle's default). */
const DECAY_MS = 10_000
/** No latency counts for more: a broken endpoint is forgiven in minutes. */
const CEILING_MS = 60_000
/** No measurement counts for less: 0 is the mark of the unmeasured. */
const FLOOR_MS = 0.01
/** What the first failure of an endpoint counts for, at least. */
const FAILURE_FLOOR_MS = 50
/** What an endpoint that was never measured costs while a first exchange is on its way: more than any latency. */
const UNPROVEN_COST = CEILING_MS

/** The average with one more latency in it. */
export function withLatency(average: PeakEwma, latencyMs: number, nowMs: number): PeakEwma {
  const seenMs = Math.min(Math.max(latencyMs, FLOOR_MS), CEILING_MS)
  const weight = weightAt(average, nowMs)
  const oldMs = average.valueMs * weight
  return { valueMs: seenMs > oldMs ? seenMs : oldMs + seenMs * (1 - weight), atMs: nowMs }
}

/** The average after a failure. It never gets better by one: who fails fast would draw all traffic to itself. */
export const withFailure = (average: PeakEwma, latencyMs: number, nowMs: number): PeakEwma =>
  withLatency(average, Math.max(latencyMs, FAILURE_FLOOR_MS, 2 * average.valueMs * weightAt(average, nowMs)), nowMs)

/** Expected cost of one more exchange: what one takes, times how many there would be. One exchange finds out about the unmeasured. */
export function costOf(average: PeakEwma, inFlight: number, nowMs: number): number {
  if (average.valueMs === 0) return inFlight === 0 ? 0 : UNPROVEN_COST + inFlight
  return average.valueMs * weightAt(average, nowMs) * (inFlight + 1)
}

/** exp(−t/τ). Nothing is lost in the first milliseconds: most readings cost no exponential. */
const weightAt = (average: PeakEwma, nowMs: number): number => {
  const ageMs = nowMs - average.atMs
  return ageMs < 10 ? 1 : Math.exp(-ageMs / DECAY_MS)
}
