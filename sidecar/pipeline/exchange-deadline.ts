import type { AttemptPlan } from '../decide/decision.ts'

/** The moments that an exchange's bounds count from, monotonic ms. */
export interface ExchangeTimes {
  readonly startMs: number
  /** When the caller's request was complete, or its head where it asks for a tunnel; Infinity as long as it is not. */
  readonly askedMs: number
  /** The head of the response that the caller gets has come. */
  readonly hasHead: boolean
  /** Number of the current try. */
  readonly attempts: number
  readonly attemptStartMs: number
  /** A try is under way and its response has not begun. */
  readonly isAwaitingHead: boolean
  /** When an octet last moved. */
  readonly lastActivityMs: number
}

/** When the request must be done, or answered, with all of its tries; Infinity when nothing bounds it. */
export function deadlineMs(plan: AttemptPlan | undefined, times: ExchangeTimes): number {
  return Math.min(requestDueMs(plan, times), responseDueMs(plan, times))
}

function requestDueMs(plan: AttemptPlan | undefined, { startMs }: ExchangeTimes): number {
  const timeoutMs = plan?.requestTimeoutMs ?? 0
  return timeoutMs === 0 ? Number.POSITIVE_INFINITY : startMs + timeoutMs
}

function responseDueMs(plan: AttemptPlan | undefined, { askedMs, hasHead }: ExchangeTimes): number {
  const timeoutMs = plan?.responseTimeoutMs ?? 0
  return timeoutMs === 0 || hasHead ? Number.POSITIVE_INFINITY : askedMs + timeoutMs
}

/** When the earliest of the bounds that hold now is reached; Infinity when none holds. */
export function dueAtMs(plan: AttemptPlan | undefined, times: ExchangeTimes): number {
  if (plan === undefined) return Number.POSITIVE_INFINITY
  const { perTryTimeoutMs } = plan
  const idleMs = plan.traffic.streamIdleTimeoutMs
  let dueMs = deadlineMs(plan, times)
  if (perTryTimeoutMs > 0 && times.isAwaitingHead) dueMs = Math.min(dueMs, times.attemptStartMs + perTryTimeoutMs)
  if (idleMs > 0) dueMs = Math.min(dueMs, times.lastActivityMs + idleMs)
  return dueMs
}

/** What a person is told of a timeout. `isWhole`: it was a bound of all tries together. */
export function describeTimeout(plan: AttemptPlan | undefined, times: ExchangeTimes, isWhole: boolean): string {
  if (plan === undefined) return 'no activity within the timeout'
  const { service, requestTimeoutMs, responseTimeoutMs, perTryTimeoutMs } = plan
  if (isWhole && responseDueMs(plan, times) < requestDueMs(plan, times)) {
    return `${service} began no answer within ${responseTimeoutMs} ms of the request's end`
  }
  if (isWhole) return `the request to ${service} took longer than its timeout of ${requestTimeoutMs} ms`
  if (times.isAwaitingHead && perTryTimeoutMs > 0) {
    return `try ${times.attempts} to ${service} had no answer within ${perTryTimeoutMs} ms`
  }
  return `no octet moved for ${plan.traffic.streamIdleTimeoutMs} ms`
}
