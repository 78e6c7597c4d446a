import assert from 'node:assert/strict'
import { LIMITS } from '../core/limits.ts'
import type { MetricDefinition, MetricKind } from './metric-definition.ts'
import { HistogramSeries, ValueSeries } from './metric-series.ts'

/** The labels of one series: every declared one, as text. */
export type LabelValues<Label extends string> = { readonly [K in Label]: string }

/** What a family of this kind is made of. */
export type SeriesOf<Kind extends MetricKind> = Kind extends 'histogram' ? HistogramSeries : ValueSeries

/** The value of every label of the series that takes what does not fit any more. */
const OTHER = 'other'

/**
 * One metric and its series. `series` looks a label tuple up once; who observes often keeps what it answers, and then an
 * observation is an addition.
 */
export class MetricFamily<Kind extends MetricKind = MetricKind, Label extends string = string> {
  readonly definition: MetricDefinition<Kind, Label>
  readonly #series = new Map<string, SeriesOf<Kind>>()
  readonly #maxSeries: number
  #other: SeriesOf<Kind> | undefined
  #refresh: ((family: MetricFamily<Kind, Label>) => void) | undefined

  constructor(definition: MetricDefinition<Kind, Label>, maxSeries: number = LIMITS.metricSeriesCount) {
    this.definition = definition
    this.#maxSeries = maxSeries
  }

  /**
   * The series of these labels. Label values come from traffic, so their number is bounded: past the limit every new
   * tuple shares one series whose labels all are `other`, and sums stay right.
   */
  series(labels: LabelValues<Label>): SeriesOf<Kind> {
    let key = ''
    for (const name of this.definition.labels) key += `${labels[name]}\0`
    const known = this.#series.get(key)
    if (known !== undefined) return known
    if (this.#series.size >= this.#maxSeries) {
      this.#other ??= this.#make(this.definition.labels.map(() => OTHER))
      return this.#other
    }
    const made = this.#make(this.definition.labels.map((name) => labels[name]))
    this.#series.set(key, made)
    return made
  }

  /** Calls `refresh` before each exposition: for gauges that are read from elsewhere rather than kept. */
  onCollect(refresh: (family: MetricFamily<Kind, Label>) => void): void {
    this.#refresh = refresh
  }

  /** Forgets all series: for a gauge whose `onCollect` sets all that exist now. */
  clear(): void {
    assert(this.definition.kind === 'gauge', 'only a gauge may forget its series')
    this.#series.clear()
    this.#other = undefined
  }

  /** All series that exist now, refreshed. */
  collect(): readonly SeriesOf<Kind>[] {
    this.#refresh?.(this)
    const all = [...this.#series.values()]
    return this.#other === undefined ? all : [...all, this.#other]
  }

  #make(values: readonly string[]): SeriesOf<Kind> {
    const { kind, labels, buckets } = this.definition
    const text = labels.flatMap((name, at) => toLabel(name, values[at] ?? '')).join(',')
    const made = kind === 'histogram' ? new HistogramSeries(text, buckets) : new ValueSeries(text)
    return made as SeriesOf<Kind>
  }
}

/** A label without a value is no label (Prometheus data model): nothing is written for it. */
const toLabel = (name: string, value: string): string[] => (value === '' ? [] : [`${name}="${escapeLabel(value)}"`])

/** Text exposition format 0.0.4 and OpenMetrics 1.0 escape the same three characters in label values. */
const escapeLabel = (value: string): string =>
  /[\\"\n]/.test(value) ? value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n') : value
