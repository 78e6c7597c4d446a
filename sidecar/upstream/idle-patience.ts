import { LIMITS } from '../core/limits.ts'

/** What an application says, or does, is its limit; ours is so much of it, for a request takes its time to get there. */
const MARGIN = 0.8
/** Grows so much with every second, for what looked like patience may have been a restart. */
const FORGETTING = 1.05
const LEAST_MS = 1

/**
 * For how long an idle connection to one application is good: shorter than the application keeps it, or a request meets a
 * connection that is closing (RFC 9112 §9.5). Learned from what the application says (`Keep-Alive: timeout`) and from
 * after how long it closed idle connections itself.
 */
export class IdlePatience {
  #observedMs: number = LIMITS.idleUpstreamMs

  /** Whether applications were seen to close earlier than is assumed of one that is not known. */
  get isLearned(): boolean {
    return this.#observedMs < LIMITS.idleUpstreamMs
  }

  /** After so many idle ms a connection is not used any more. */
  limitMs({ keepAliveMs }: { readonly keepAliveMs: number }): number {
    return Math.min(this.#observedMs, keepAliveMs * MARGIN)
  }

  /** The application closed a connection that had been idle for so long. */
  closedAfter(idleMs: number): void {
    this.#observedMs = Math.min(this.#observedMs, Math.max(LEAST_MS, idleMs * MARGIN))
  }

  /** Once a second. */
  forget(): void {
    this.#observedMs = Math.min(LIMITS.idleUpstreamMs, this.#observedMs * FORGETTING)
  }
}
