import type { BenchCase } from './case.ts'
import type { ContestantName } from './contestant.ts'
import { type Figures, type Metric, median } from './metrics.ts'

/** One round of one contestant. A round with errors is shown, and counts for nothing. */
export interface Sample {
  readonly round: number
  readonly figures: Figures
  readonly errors: number
}

/** All rounds of one contestant in one case. */
export interface ContestantResult {
  readonly name: ContestantName
  readonly title: string
  readonly version: string
  readonly samples: readonly Sample[]
}

/** What one case found out. */
export interface CaseResult {
  readonly name: string
  readonly rounds: number
  readonly seconds: number
  /** The load's command, with PORT for the contestant's port. */
  readonly command: string
  readonly commit: string
  /** When it ended, ISO 8601, UTC. */
  readonly date: string
  readonly contestants: readonly ContestantResult[]
}

/** A contestant that could not take part. */
export interface Absent {
  readonly name: ContestantName
  readonly title: string
  readonly reason: string
}

/** What a run is known by, and what it found out; the JSON in `bench/results`. */
export interface BenchRun {
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryGib: number
    readonly kernel: string
    readonly node: string
  }
  /** What was typed. */
  readonly command: string
  readonly absent: readonly Absent[]
  readonly cases: readonly CaseResult[]
}

export type Verdict = 'reached' | 'below goal' | 'below floor' | 'no figure'

/** One target, judged. */
export interface Judgement {
  readonly metric: Metric
  readonly peer: ContestantName | undefined
  readonly ours: number | undefined
  readonly theirs: number | undefined
  /** Median of the rounds' own ratios; for a target without a peer, our figure. */
  readonly value: number | undefined
  readonly goal: number
  readonly floor: number
  readonly verdict: Verdict
}

const isValid = ({ errors }: Sample): boolean => errors === 0

/** Median of a contestant's rounds without errors. */
export function medianOf(contestant: ContestantResult | undefined, metric: Metric): number | undefined {
  return median((contestant?.samples ?? []).filter(isValid).flatMap(({ figures }) => figures[metric] ?? []))
}

/** Median over the rounds that are valid for both of the ratio of two contestants: what slows a round down slows both. */
export function medianRatio(
  ours: ContestantResult | undefined,
  theirs: ContestantResult | undefined,
  metric: Metric,
): number | undefined {
  const ratios = (ours?.samples ?? []).filter(isValid).flatMap(({ round, figures }) => {
    const other = theirs?.samples.find((sample) => sample.round === round && isValid(sample))?.figures[metric]
    const own = figures[metric]
    return own === undefined || other === undefined || other <= 0 ? [] : own / other
  })
  return median(ratios)
}

/** Where a figure stands between goal and floor; which side is good follows from which of the two is higher. */
export function toVerdict(value: number | undefined, goal: number, floor: number): Verdict {
  if (value === undefined || Number.isNaN(value)) return 'no figure'
  const reaches = (mark: number): boolean => (goal >= floor ? value >= mark : value <= mark)
  if (reaches(goal)) return 'reached'
  return reaches(floor) ? 'below goal' : 'below floor'
}

/** What is wanted in a case, beside what was measured. */
export function judge({ targets }: BenchCase, { contestants }: CaseResult): readonly Judgement[] {
  const find = (name: ContestantName | undefined): ContestantResult | undefined =>
    contestants.find((contestant) => contestant.name === name)
  return targets.map(({ metric, peer, goal, floor }) => {
    const ours = medianOf(find('outrigger'), metric)
    const value = peer === undefined ? ours : medianRatio(find('outrigger'), find(peer), metric)
    return {
      ...{ metric, peer, ours, value, goal, floor },
      theirs: peer === undefined ? undefined : medianOf(find(peer), metric),
      verdict: toVerdict(value, goal, floor),
    }
  })
}

const ADDED = [
  ['addedP50Ms', 'p50Ms'],
  ['addedP90Ms', 'p90Ms'],
  ['addedP99Ms', 'p99Ms'],
] as const

/** Latency that a contestant adds to the direct load of the same round. */
export function withAdded(contestants: readonly ContestantResult[]): readonly ContestantResult[] {
  const direct = contestants.find(({ name }) => name === 'direct')
  const add = (sample: Sample): Sample => {
    const base = direct?.samples.find(({ round }) => round === sample.round)
    if (base === undefined || !isValid(base)) return sample
    const added = ADDED.flatMap(([to, from]) => {
      const [own, below] = [sample.figures[from], base.figures[from]]
      return own === undefined || below === undefined ? [] : [[to, own - below] as const]
    })
    return { ...sample, figures: { ...sample.figures, ...Object.fromEntries(added) } }
  }
  return contestants.map((contestant) =>
    contestant.name === 'direct' ? contestant : { ...contestant, samples: contestant.samples.map(add) },
  )
}
