import type { AttemptPlan } from '../decide/decision.ts'

/** The moments that an exchange's bounds count from, monotonic ms. */
export interface ExchangeTimes {
  readonly startMs: number
  /** Number of the current try. */
  readonly attempts: number
  readonly attemptStartMs: number
  /** A try is under way and its response has not begun. */
  readonly isAwaitingHead: boolean
  /** When an octet last moved. */
  readonly lastActivityMs: number
}

/** When the whole request must be done; Infinity when nothing bounds it. */
export function deadlineMs(plan: AttemptPlan | undefined, startMs: number): number {
  const timeoutMs = plan?.requestTimeoutMs ?? 0
  return timeoutMs === 0 ? Number.POSITIVE_INFINITY : startMs + timeoutMs
}

/** When the earliest of the bounds that hold now is reached; Infinity when none holds. */
export function dueAtMs(plan: AttemptPlan | undefined, times: ExchangeTimes): number {
  if (plan === undefined) return Number.POSITIVE_INFINITY
  const { perTryTimeoutMs } = plan
  const idleMs = plan.traffic.streamIdleTimeoutMs
  let dueMs = deadlineMs(plan, times.startMs)
  if (perTryTimeoutMs > 0 && times.isAwaitingHead) dueMs = Math.min(dueMs, times.attemptStartMs + perTryTimeoutMs)
  if (idleMs > 0) dueMs = Math.min(dueMs, times.lastActivityMs + idleMs)
  return dueMs
}

/** What a person is told of a timeout. `isWhole`: it was the bound of the whole request. */
export function describeTimeout(plan: AttemptPlan | undefined, times: ExchangeTimes, isWhole: boolean): string {
  if (plan === undefined) return 'no activity within the timeout'
  const { service, requestTimeoutMs, perTryTimeoutMs } = plan
  if (isWhole) return `the request to ${service} took longer than its timeout of ${requestTimeoutMs} ms`
  if (times.isAwaitingHead && perTryTimeoutMs > 0) {
    return `try ${times.attempts} to ${service} had no answer within ${perTryTimeoutMs} ms`
  }
  return `no octet moved for ${plan.traffic.streamIdleTimeoutMs} ms`
}
