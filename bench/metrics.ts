/** How a measure is shown, and in which direction it is good. */
interface MetricFacts {
  readonly title: string
  readonly unit: string
  readonly digits: number
  readonly better: 'more' | 'less'
}

/** Everything that is measured. The unit is in the name. */
export const METRICS = {
  requestsPerSecond: { title: 'requests/s', unit: '', digits: 0, better: 'more' },
  megabytesPerSecond: { title: 'throughput', unit: 'MB/s', digits: 0, better: 'more' },
  meanMs: { title: 'mean', unit: 'ms', digits: 2, better: 'less' },
  p50Ms: { title: 'p50', unit: 'ms', digits: 3, better: 'less' },
  p90Ms: { title: 'p90', unit: 'ms', digits: 3, better: 'less' },
  p99Ms: { title: 'p99', unit: 'ms', digits: 3, better: 'less' },
  /** Above the direct load of the same round. */
  addedP50Ms: { title: 'added p50', unit: 'ms', digits: 3, better: 'less' },
  addedP90Ms: { title: 'added p90', unit: 'ms', digits: 3, better: 'less' },
  addedP99Ms: { title: 'added p99', unit: 'ms', digits: 3, better: 'less' },
  /** The generator's own: from when a request should have been sent to when it was. Part of the latencies. */
  lateP99Ms: { title: 'sent late, p99', unit: 'ms', digits: 3, better: 'less' },
  /** User and system time of one proxy, the mean of the two, for 1,000 requests a second. */
  coresPer1000: { title: 'cores per 1,000 rps, each sidecar', unit: '', digits: 4, better: 'less' },
  /** Resident memory of the larger of the two proxies, at the end of the round. */
  residentMb: { title: 'RSS of a sidecar', unit: 'MB', digits: 0, better: 'less' },
  /** The highest since the start of the process. */
  peakMb: { title: 'peak RSS', unit: 'MB', digits: 0, better: 'less' },
  readyMs: { title: 'start to ready', unit: 'ms', digits: 0, better: 'less' },
  listeningMs: { title: 'start to listening', unit: 'ms', digits: 0, better: 'less' },
} as const satisfies Record<string, MetricFacts>

export type Metric = keyof typeof METRICS

/** Figures of one round, or their medians. */
export type Figures = Readonly<Partial<Record<Metric, number>>>

/** A figure with its unit: `1,234 MB/s`. */
export function showFigure(metric: Metric, value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–'
  const { digits, unit } = METRICS[metric]
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === '' ? text : `${text} ${unit}`
}

/** The middle of a list; undefined of an empty one. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b)
  const low = sorted[Math.floor((sorted.length - 1) / 2)]
  const high = sorted[Math.floor(sorted.length / 2)]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}
