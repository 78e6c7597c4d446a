import type { Random } from '../core/random.ts'

/** What ejection goes by: a part of `TrafficSettings`. */
export interface OutlierPolicy {
  /** Failures in a row that eject; 0: never. */
  readonly consecutiveFailures: number
  readonly baseEjectionMs: number
  readonly maxEjectionMs: number
}

/**
 * An endpoint as the detector sees it.
 *
 *     admitting ──failures in a row──▶ ejected ──time is over, next exchange──▶ probing
 *         ▲                               ▲                                        │
 *         └──────────── success ──────────┼────────────────────────────────────────┤
 *                                         └──────── failure (for twice as long) ───┘
 */
export type OutlierState =
  | {
      readonly name: 'admitting'
      /** Failures in a row. */
      readonly failures: number
      /** Ejections so far: each lasts twice as long as the one before. */
      readonly ejections: number
      readonly sinceMs: number
    }
  | { readonly name: 'ejected'; readonly ejections: number; readonly untilMs: number }
  /** One real exchange is on its way, to find out. `others` were in flight besides it and are not the probe. */
  | { readonly name: 'probing'; readonly ejections: number; readonly others: number }

/** An endpoint that nothing is known about: shared. */
export const FRESH: OutlierState = { name: 'admitting', failures: 0, ejections: 0, sinceMs: 0 }

/** Part of an ejection that chance may take off, so that endpoints ejected together are not probed together. */
const JITTER_RATIO = 0.2

/** Whether the endpoint is to be left out now. An ejected one whose time is over is not: the next exchange is its probe. */
export const isOut = (state: OutlierState, nowMs: number): boolean =>
  state.name === 'probing' || (state.name === 'ejected' && nowMs < state.untilMs)

/** The state after an exchange was sent to the endpoint, `inFlight` others being on their way. */
export function afterStart(state: OutlierState, inFlight: number, nowMs: number): OutlierState {
  switch (state.name) {
    case 'admitting':
      return state
    case 'ejected':
      if (nowMs < state.untilMs) return state // sent in spite of it: everything else was out, too
      return { name: 'probing', ejections: state.ejections, others: inFlight }
    case 'probing':
      return { ...state, others: state.others + 1 }
  }
}

/** The state after an exchange went well. One that ends while the endpoint is ejected began before, and says nothing. */
export function afterSuccess(state: OutlierState, nowMs: number): OutlierState {
  switch (state.name) {
    case 'admitting':
      return state.failures === 0 ? state : { ...state, failures: 0 }
    case 'ejected':
      return state
    case 'probing':
      return { name: 'admitting', failures: 0, ejections: state.ejections, sinceMs: nowMs }
  }
}

/**
 * The state after an exchange failed by the endpoint's fault.
 * @param mayEject whether one more may be out; asked only when this one would be
 */
export function afterFailure(
  state: OutlierState,
  policy: OutlierPolicy,
  moment: { readonly nowMs: number; readonly random: Random; mayEject(): boolean },
): OutlierState {
  if (state.name === 'ejected' || policy.consecutiveFailures === 0) return state
  if (state.name === 'admitting' && state.failures + 1 < policy.consecutiveFailures) {
    return { ...state, failures: state.failures + 1 }
  }
  const { nowMs } = moment
  const ejections = pastEjections(state, policy, nowMs)
  if (!moment.mayEject()) {
    const sinceMs = state.name === 'admitting' ? state.sinceMs : nowMs
    return { name: 'admitting', failures: policy.consecutiveFailures - 1, ejections, sinceMs }
  }
  return { name: 'ejected', ejections: ejections + 1, untilMs: nowMs + ejectionMs(policy, ejections, moment.random) }
}

/** The state after an exchange ended in a way that says nothing of the endpoint. A probe that does so is to be made again. */
export function afterNeutral(state: OutlierState, nowMs: number): OutlierState {
  if (state.name !== 'probing') return state
  if (state.others > 0) return { ...state, others: state.others - 1 }
  return { name: 'ejected', ejections: state.ejections, untilMs: nowMs }
}

/** Whoever was well for longer than the longest ejection begins anew. */
function pastEjections(state: OutlierState, policy: OutlierPolicy, nowMs: number): number {
  return state.name === 'admitting' && nowMs - state.sinceMs > policy.maxEjectionMs ? 0 : state.ejections
}

function ejectionMs({ baseEjectionMs, maxEjectionMs }: OutlierPolicy, ejections: number, random: Random): number {
  const wholeMs = Math.min(maxEjectionMs, baseEjectionMs * 2 ** Math.min(ejections, 30))
  return wholeMs * (1 - JITTER_RATIO * random())
}
