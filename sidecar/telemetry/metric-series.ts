/** One number with its labels: a counter's or a gauge's. */
export class ValueSeries {
  /** The labels as exposition writes them, without braces; '' without labels. */
  readonly labelText: string
  value = 0

  constructor(labelText: string) {
    this.labelText = labelText
  }

  /** Adds one, or `amount`. */
  add(amount = 1): void {
    this.value += amount
  }

  /** Replaces the value: for gauges, and for counters that mirror one kept elsewhere. */
  set(value: number): void {
    this.value = value
  }
}

/** The trace of one observation, so that a slow bucket leads to an example of it. */
export interface Exemplar {
  readonly traceId: string
  readonly value: number
}

/** One distribution with its labels. */
export class HistogramSeries {
  readonly labelText: string
  readonly bounds: readonly number[]
  /** Observations in each bucket, not cumulated; the last one is above all bounds. */
  readonly counts: Float64Array
  sum = 0
  #exemplars: (Exemplar | undefined)[] | undefined

  constructor(labelText: string, bounds: readonly number[]) {
    this.labelText = labelText
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** Counts one observation, in the metric's unit. Not a number, or negative, is counted as 0: clocks may disagree. */
  observe(value: number, traceId?: string): void {
    const seen = Number.isNaN(value) ? 0 : Math.max(value, 0)
    const { bounds } = this
    let bucket = 0
    while (bucket < bounds.length && seen > (bounds[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seen
    if (traceId === undefined) return
    this.#exemplars ??= new Array(bounds.length + 1).fill(undefined)
    this.#exemplars[bucket] = { traceId, value: seen }
  }

  /** The latest sampled observation of a bucket. */
  exemplar(bucket: number): Exemplar | undefined {
    return this.#exemplars?.[bucket]
  }
}
