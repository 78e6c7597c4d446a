import type { ContestantName, Wire } from './contestant.ts'
import type { BulkLoad } from './load/bulk.ts'
import type { H2loadLoad } from './load/h2load.ts'
import type { PacedLoad } from './load/paced.ts'
import type { WrkLoad } from './load/wrk.ts'
import type { Metric } from './metrics.ts'

/** Starts a sidecar again and again, with the identity and the snapshot that it kept. */
export interface RestartLoad {
  readonly tool: 'restart'
}

export type Load = WrkLoad | H2loadLoad | BulkLoad | PacedLoad | RestartLoad

/** What is wanted of one figure: beside a peer's in the same run, or by itself. */
export interface Target {
  readonly metric: Metric
  /** Undefined: goal and floor are figures, not ratios. */
  readonly peer: ContestantName | undefined
  readonly goal: number
  readonly floor: number
}

/** One row of the benchmark. */
export interface BenchCase {
  /** For `--only`, which takes the first part of it. */
  readonly name: string
  readonly title: string
  readonly wire: Wire
  readonly load: Load
  /** Its rounds are so many times as long as the others'; 1 where absent. */
  readonly stretch?: number
  /** What its table shows. */
  readonly metrics: readonly Metric[]
  readonly targets: readonly Target[]
}
