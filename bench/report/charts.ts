import type { BenchCase } from '../case.ts'
import { METRICS, type Metric, showFigure } from '../metrics.ts'
import { type CaseResult, medianOf } from '../result.ts'
import { type Bar, barChart } from './bar-chart.ts'

/** A picture of one figure of one case. */
export interface Chart {
  /** Its name in the folder of charts. */
  readonly file: string
  readonly title: string
  readonly svg: string
}

/** What is drawn, by case. */
const DRAWN: Readonly<Record<string, readonly Metric[]>> = {
  paced: ['coresPer1000', 'addedP99Ms', 'residentMb'],
  'h1-128': ['requestsPerSecond'],
  'h1-1': ['p50Ms'],
  'get-1k': ['requestsPerSecond'],
  'post-4k': ['requestsPerSecond'],
  'grpc-1': ['requestsPerSecond'],
  'tcp-1': ['megabytesPerSecond'],
}

/** The charts of one case; the direct load is none of their bars, because it would be nearly all one sees. */
export function chartsOf({ name, title }: BenchCase, { contestants }: CaseResult): readonly Chart[] {
  return (DRAWN[name] ?? []).flatMap((metric) => {
    const bars: Bar[] = contestants.flatMap((contestant) => {
      const value = medianOf(contestant, metric)
      if (contestant.name === 'direct' || value === undefined) return []
      return {
        label: contestant.title,
        value,
        text: showFigure(metric, value),
        isOurs: contestant.name === 'outrigger',
      }
    })
    if (bars.length === 0) return []
    const { title: figure, better } = METRICS[metric]
    const svg = barChart(title, `${figure}; ${better} is better`, bars)
    return [{ file: `${name}-${toFileName(metric)}.svg`, title: `${title}: ${figure}`, svg }]
  })
}

/** `p50Ms` → `p50-ms`. */
const toFileName = (metric: Metric): string => metric.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
