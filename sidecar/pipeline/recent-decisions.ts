import type { RequestFacts } from '../decide/decision.ts'
import type { TraceStep } from '../decide/trace-step.ts'
import { keepable, withoutQuery } from '../telemetry/exchange-record.ts'

/** One decided request with the trace of its decision, redacted: no query, no fields. */
export interface RecentDecision {
  readonly atMs: number
  readonly direction: 'inbound' | 'outbound'
  readonly method: string
  readonly authority: string
  /** Without the query. */
  readonly path: string
  readonly caller: string | undefined
  readonly traceId: string | undefined
  /** Number of the snapshot that decided. */
  readonly generation: number
  readonly status: number
  readonly steps: readonly TraceStep[]
}

/** The last decisions that were traced: sampled requests and refusals. A ring in memory, bounded. */
export class RecentDecisions {
  readonly #ring: RecentDecision[] = []
  readonly #capacity: number
  #next = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Notes one decision; the oldest goes when the ring is full. */
  add(
    facts: RequestFacts,
    decision: Omit<RecentDecision, 'direction' | 'method' | 'authority' | 'path' | 'caller'>,
  ): void {
    if (this.#capacity === 0) return
    const { direction, authority, caller } = facts
    const method = keepable(facts.method)
    this.#ring[this.#next] = { ...decision, direction, method, authority, caller, path: withoutQuery(facts.path) }
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** Newest first. */
  list(): readonly RecentDecision[] {
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)].reverse()
  }
}
