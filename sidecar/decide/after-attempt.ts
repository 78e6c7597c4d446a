import { backoffMs } from '../core/backoff.ts'
import { errorFacts, MESH_ERRORS, type MeshError, type MeshErrorCode } from '../core/mesh-errors.ts'
import { findField } from '../http/fields.ts'
import { countedStatus } from '../http/grpc-status.ts'
import { ERROR_FIELD } from '../http/header-rules.ts'
import type { AttemptContext, AttemptOutcome, AttemptPlan, Decision, RetryRefusal, World } from './decision.ts'
import { pickEndpoint } from './pick-endpoint.ts'
import type { Recorder } from './trace-step.ts'

/**
 * What follows a try that failed or was answered with an error status: another try at another endpoint where there is one,
 * or the end. Another try is made only where it is safe (nothing was processed, or the request is idempotent), in budget
 * and in time.
 *
 * Returns `forward` with the wait before the try and a plan for it; else `relay` when the try had an answer, which then
 * goes to the caller, or `refuse` with the try's error. A further try is counted by who makes it.
 */
export function afterAttempt(
  plan: AttemptPlan,
  outcome: AttemptOutcome,
  context: AttemptContext,
  world: World,
  recorder: Recorder,
): Decision {
  const final = whyNotAgain(plan, outcome, context)
  if (final !== undefined) return end(outcome, final, recorder)
  const { service, port, traffic, tried } = plan
  const endpoint = pickEndpoint({ service, port, traffic, tried }, world, recorder)
  if ('code' in endpoint) return end(outcome, wanted('no-endpoint', endpoint.detail), recorder)
  const isElsewhere = !tried.includes(endpoint.id)
  // A budget keeps repeats from multiplying the load of a service that fails: a pick that reached nobody added none to it.
  // Only the first of them: where many endpoints are gone, connections that fail are a load on what is left.
  const isFree = plan.attempt === 1 && isElsewhere && reachedNobody(outcome, context)
  if (!isFree && !world.load.mayRetry(service, traffic))
    return end(outcome, wanted('budget', `the retry budget of ${service} is used up`), recorder)
  const delayMs = isElsewhere && isUnsent(outcome, context) ? 0 : waitMs(plan, outcome, world)
  if (delayMs >= context.remainingMs)
    return end(outcome, wanted('deadline', `${context.remainingMs} ms are left, less than the wait`), recorder)
  const attempt = plan.attempt + 1
  if (recorder.isOn) recorder.record({ step: 'retry-decided', attempt, because: whatHappened(outcome) })
  const next: AttemptPlan = { ...plan, attempt, tried: [...tried, endpoint.id] }
  return { kind: 'forward', endpoint, plan: next, edits: plan.edits, delayMs, isFree }
}

/** Why there is no further try; with a reason for metrics where one was worth making. */
interface Final {
  readonly because: string
  readonly reason?: RetryRefusal | undefined
}

const wanted = (reason: RetryRefusal, because: string): Final => ({ because, reason })

const RETRIED_EARLIER = wanted('retried-earlier', 'an earlier sidecar tries it again already')

/** The first reason against another try that lies in this exchange; the budget, which is shared, is asked last. */
function whyNotAgain(plan: AttemptPlan, outcome: AttemptOutcome, context: AttemptContext): Final | undefined {
  const { retry } = plan
  const unsafe =
    outcome.kind === 'error' ? whyErrorIsFinal(plan, outcome.error) : whyStatusIsFinal(plan, outcome, context)
  if (unsafe !== undefined) return unsafe
  if (plan.attempt > retry.attempts) return wanted('attempts', `${retry.attempts} repeats are allowed, and no more`)
  if (!context.canReplay)
    return wanted('body', 'its body is longer than what is kept to send it again, or not complete')
  if (context.remainingMs <= 0) return wanted('deadline', 'its deadline has passed')
  return undefined
}

function whyErrorIsFinal(plan: AttemptPlan, error: MeshError): Final | undefined {
  const { retry } = errorFacts(error.code)
  if (retry === 'unsent') return undefined
  if (retry === 'never') return { because: `${error.code} is final` }
  if (!plan.isIdempotent)
    return wanted('not-idempotent', `the callee may have processed it, and ${plan.facts.method} is not idempotent here`)
  return plan.facts.priorAttempts > 0 ? RETRIED_EARLIER : undefined
}

function whyStatusIsFinal(
  plan: AttemptPlan,
  outcome: AttemptOutcome & { kind: 'status' },
  context: AttemptContext,
): Final | undefined {
  const { retry, facts } = plan
  if (isUnsent(outcome, context)) return undefined
  if (!retry.statuses.includes(countedStatus(outcome.status, outcome.grpcStatus)))
    return { because: `${whatHappened(outcome)} is not one to try again` }
  if (!plan.isIdempotent)
    return wanted('not-idempotent', `the callee answered, and ${facts.method} is not idempotent here`)
  if (facts.priorAttempts > 0) return RETRIED_EARLIER
  const said = saidCode(outcome, context)
  if (said !== undefined && errorFacts(said).retry === 'never')
    return { because: `the callee's sidecar answered ${said}, which is final` }
  const after = findField(outcome.fields, 'retry-after')
  if (after === undefined) return undefined
  // Only a number fits for certain: a date would need the callee's clock (RFC 9110 §10.2.3).
  const afterMs = retryAfterMs(after)
  if (afterMs === undefined) return wanted('retry-after', 'the callee asks to wait until a date')
  return afterMs > retry.backoffMaxMs
    ? wanted('retry-after', `the callee asks to wait ${afterMs} ms, more than ${retry.backoffMaxMs} ms`)
    : undefined
}

/** The error that the callee's sidecar answered with; undefined when it was the application, or somebody without a sidecar. */
function saidCode(
  outcome: AttemptOutcome & { kind: 'status' },
  { isOverMesh }: AttemptContext,
): MeshErrorCode | undefined {
  const said = isOverMesh ? findField(outcome.fields, ERROR_FIELD) : undefined
  return said !== undefined && Object.hasOwn(MESH_ERRORS, said) ? (said as MeshErrorCode) : undefined
}

/** No connection could be made, by us or by the callee's sidecar: another endpoint is as good as the first pick. */
const reachedNobody = (outcome: AttemptOutcome, context: AttemptContext): boolean =>
  (outcome.kind === 'error' ? outcome.error.code : saidCode(outcome, context)) === 'connect-failure'

/** Provably nothing was processed: by our own error, or by the word of the callee's sidecar, which could not reach its application. */
function isUnsent(outcome: AttemptOutcome, context: AttemptContext): boolean {
  const code = outcome.kind === 'error' ? outcome.error.code : saidCode(outcome, context)
  return code !== undefined && errorFacts(code).retry === 'unsent'
}

const retryAfterMs = (text: string): number | undefined =>
  /^[0-9]{1,9}$/.test(text) ? Number(text) * 1_000 : undefined

/** Back-off with full jitter, and what the callee asks for. */
function waitMs(plan: AttemptPlan, outcome: AttemptOutcome, world: World): number {
  const { backoffBaseMs, backoffMaxMs } = plan.retry
  const delayMs = backoffMs({ baseMs: backoffBaseMs, maxMs: backoffMaxMs }, plan.attempt, world.random)
  if (outcome.kind === 'error') return delayMs
  return Math.max(delayMs, retryAfterMs(findField(outcome.fields, 'retry-after') ?? '') ?? 0)
}

function end(outcome: AttemptOutcome, { because, reason }: Final, recorder: Recorder): Decision {
  if (recorder.isOn) recorder.record({ step: 'retry-refused', because })
  if (outcome.kind === 'status') return { kind: 'relay', retryRefused: reason }
  const { error } = outcome
  return {
    kind: 'refuse',
    error: { ...error, detail: `${error.detail}; not tried again: ${because}` },
    retryRefused: reason,
  }
}

const whatHappened = (outcome: AttemptOutcome): string =>
  outcome.kind === 'error'
    ? `${outcome.error.code}: ${outcome.error.detail}`
    : outcome.grpcStatus === undefined
      ? `status ${outcome.status}`
      : `status ${outcome.grpcStatus} of gRPC`
