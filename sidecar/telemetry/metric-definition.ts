/** What a metric is, declared once: `docs/metrics.md` is compared with the declarations by a test. */
export interface MetricDefinition<Kind extends MetricKind = MetricKind, Label extends string = string> {
  readonly kind: Kind
  /** The full name as Prometheus sees it, with unit and `_total`. */
  readonly name: string
  readonly help: string
  /** Base unit of the value, as OpenMetrics writes it; '' for plain counts. */
  readonly unit: '' | 'seconds' | 'bytes'
  readonly labels: readonly Label[]
  /** Upper bounds of a histogram's buckets, ascending, without +Inf. */
  readonly buckets: readonly number[]
}

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** Buckets of request durations, seconds (OpenTelemetry semantic conventions, `http.server.request.duration`). */
export const LATENCY_BUCKETS_SECONDS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

type CounterName = `${string}_total`

/** Declares something that only grows. */
export const counter = <const Label extends string = never>(
  name: CounterName,
  help: string,
  labels: readonly Label[] = [],
  unit: MetricDefinition['unit'] = '',
): MetricDefinition<'counter', Label> => ({ kind: 'counter', name, help, unit, labels, buckets: [] })

/** Declares something that goes up and down. */
export const gauge = <const Label extends string = never>(
  name: string,
  help: string,
  labels: readonly Label[] = [],
  unit: MetricDefinition['unit'] = '',
): MetricDefinition<'gauge', Label> => ({ kind: 'gauge', name, help, unit, labels, buckets: [] })

/** Declares a distribution of durations in seconds. */
export const histogram = <const Label extends string = never>(
  name: `${string}_seconds`,
  help: string,
  labels: readonly Label[] = [],
  buckets: readonly number[] = LATENCY_BUCKETS_SECONDS,
): MetricDefinition<'histogram', Label> => ({ kind: 'histogram', name, help, unit: 'seconds', labels, buckets })
