import assert from 'node:assert/strict'
import { errorFacts } from '../core/mesh-errors.ts'
import { decide } from '../decide/decide.ts'
import type { AttemptOutcome, Decision, World } from '../decide/decision.ts'
import { SILENT, StepRecorder, type TraceStep } from '../decide/trace-step.ts'
import type { SpanAttributes } from '../telemetry/live-span.ts'
import { startTraceContext } from '../telemetry/trace-context.ts'
import type { Exchange } from './exchange.ts'
import type { LaneDeps } from './lane-deps.ts'

/** Ends a try's span with what the try came to. */
export function endAttemptSpan(exchange: Exchange, outcome: AttemptOutcome | 'abandoned'): void {
  const span = exchange.notes.span
  if (span === undefined) return
  exchange.notes.span = undefined
  if (outcome === 'abandoned') span.end({ status: 0, error: 'cancelled', flag: errorFacts('cancelled').flag })
  else if (outcome.kind === 'status') span.end({ status: outcome.status, grpcStatus: outcome.grpcStatus })
  else
    span.end({
      status: 0,
      error: outcome.error.code,
      flag: errorFacts(outcome.error.code).flag,
      policy: outcome.error.policy,
    })
}

/** Hangs the decision's steps on the exchange's span, so that a trace explains itself. */
export function addStepEvents(exchange: Exchange): void {
  const { span, recorder } = exchange.notes
  if (span === undefined || recorder === undefined) return
  const steps = recorder.steps.slice() // what a later try adds is about that one
  span.detail(() => steps.map((step) => ({ name: `mesh.${step.step}`, attributes: toAttributes(step) })))
}

function toAttributes(step: TraceStep): SpanAttributes {
  const attributes: SpanAttributes = {}
  for (const [key, value] of Object.entries(step)) {
    if (key !== 'step') attributes[`mesh.${key}`] = typeof value === 'object' ? JSON.stringify(value) : value
  }
  return attributes
}

/** Keeps the trace of a decision that somebody recorded: sampled requests and refusals. */
export function keepDecision(deps: LaneDeps, exchange: Exchange, status: number): void {
  const { facts, recorder, trace } = exchange.notes
  if (facts === undefined || recorder === undefined) return
  deps.recent.add(facts, {
    atMs: deps.clock.wallMs(),
    traceId: trace?.traceId,
    generation: deps.snapshots.current.generation,
    status,
    steps: recorder.steps,
  })
}

/**
 * The first decision of an exchange, with its trace context. The steps are kept for sampled requests; a refusal, which
 * is rare and worth explaining, is decided once more, aloud.
 */
export function decideFirst(deps: LaneDeps, exchange: Exchange): Decision {
  const { notes, head } = exchange
  const facts = notes.facts
  assert(facts !== undefined, 'a lane notes the facts before the exchange begins')
  notes.trace = startTraceContext(head.fields, deps.random, deps.tracing.samplingRatio)
  if (notes.trace.sampled) notes.recorder = new StepRecorder()
  const decision = decide(facts, worldOf(deps), notes.recorder ?? SILENT)
  if (decision.kind !== 'refuse' || notes.recorder !== undefined) return decision
  notes.recorder = new StepRecorder()
  return decide(facts, worldOf(deps), notes.recorder)
}

/** What the brain may know now. */
export const worldOf = (deps: LaneDeps): World => ({
  snapshot: deps.snapshots.current,
  load: deps.load,
  nowMs: deps.clock.nowMs(),
  random: deps.random,
})
