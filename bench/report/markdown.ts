import type { BenchCase } from '../case.ts'
import { METRICS, showFigure } from '../metrics.ts'
import { type BenchRun, type CaseResult, type Judgement, judge, medianOf } from '../result.ts'

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (heading: readonly string[], lines: readonly (readonly string[])[]): string =>
  [row(heading), row(heading.map((_, at) => (at === 0 ? '---' : '--:'))), ...lines.map(row)].join('\n')

const MARKS = { reached: 'reached', 'below goal': '**below goal**', 'below floor': '**below floor**', 'no figure': '–' }

/** A bound as it is read: `≥ 1.8`, `≤ 70 MB`. */
function showBound({ metric, peer, goal, floor }: Judgement, bound: number): string {
  const sign = goal >= floor ? '≥' : '≤'
  return `${sign} ${peer === undefined ? showFigure(metric, bound) : bound.toString()}`
}

/** What was wanted beside what was measured: a line for each target. */
export function targetTable(pairs: readonly (readonly [BenchCase, CaseResult])[], absent: BenchRun['absent']): string {
  const names = new Set(absent.map(({ name }) => name))
  const lines = pairs.flatMap(([benchCase, result]) =>
    judge(benchCase, result).flatMap((judgement) => {
      const { metric, peer, ours, theirs, value, goal, floor, verdict } = judgement
      const measured = result.contestants.find(({ name }) => name === peer)
      if (peer !== undefined && measured === undefined && !names.has(peer)) return []
      const against = measured?.title ?? peer ?? ''
      return [
        [
          benchCase.title,
          METRICS[metric].title,
          showFigure(metric, ours),
          peer === undefined ? '' : `${against}: ${showFigure(metric, theirs)}`,
          peer === undefined ? '' : (value?.toFixed(2) ?? '–'),
          showBound(judgement, goal),
          showBound(judgement, floor),
          MARKS[verdict],
        ],
      ]
    }),
  )
  return table(['case', 'figure', 'Outrigger', 'beside', 'ratio', 'goal', 'floor', ''], lines)
}

/** One case: a line for each contestant, medians of the rounds without errors. */
export function caseTable({ metrics }: BenchCase, { contestants }: CaseResult): string {
  const lines = contestants.map((contestant) => {
    const worthless = contestant.samples.filter(({ errors }) => errors > 0)
    const errors = worthless.reduce((sum, sample) => sum + sample.errors, 0)
    const note = worthless.length === 0 ? '' : ` (${worthless.length} rounds with ${errors} errors left out)`
    return [
      `${contestant.title}${contestant.version === '' ? '' : ` ${contestant.version}`}${note}`,
      ...metrics.map((metric) => showFigure(metric, medianOf(contestant, metric))),
    ]
  })
  return table(['', ...metrics.map((metric) => METRICS[metric].title)], lines)
}

/** The whole run: targets, then every case, then where and how. */
export function toMarkdown({ machine, absent, cases }: BenchRun, all: readonly BenchCase[]): string {
  const pairs = all.flatMap((benchCase) => {
    const result = cases.find(({ name }) => name === benchCase.name)
    return result === undefined ? [] : [[benchCase, result] as const]
  })
  return [
    targetTable(pairs, absent),
    ...pairs.map(
      ([benchCase, result]) => `### ${benchCase.title}\n\n${caseTable(benchCase, result)}\n\n${origin(result)}`,
    ),
    ...(absent.length === 0
      ? []
      : [`Absent: ${absent.map(({ title, reason }) => `${title} (${reason})`).join('; ')}.`]),
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGib} GiB, ${machine.kernel}, Node ${machine.node}.`,
  ].join('\n\n')
}

const origin = ({ rounds, seconds, command, commit, date }: CaseResult): string =>
  `${rounds} rounds${seconds > 0 ? ` of ${seconds} s` : ''}, ${date.slice(0, 10)}, commit ${commit}: \`${command}\``
