import type { MetricFamily } from './metric-family.ts'
import { HistogramSeries } from './metric-series.ts'

/** The two text formats that scrapers ask for. */
export type MetricsFormat = 'prometheus' | 'openmetrics'

/**
 * Families as text.
 *
 * Source: Prometheus text exposition format 0.0.4; OpenMetrics 1.0.0 (counters are named without `_total` in their
 * metadata, exemplars stand behind buckets, `# EOF` ends the text).
 */
export function writeMetrics(families: readonly MetricFamily[], format: MetricsFormat): string {
  let text = ''
  for (const family of families) {
    const { name, kind, help, unit } = family.definition
    const isOpen = format === 'openmetrics'
    const title = isOpen && kind === 'counter' ? name.replace(/_total$/, '') : name
    text += `# HELP ${title} ${escapeHelp(help, isOpen)}\n# TYPE ${title} ${kind}\n`
    if (isOpen && unit !== '' && title.endsWith(`_${unit}`)) text += `# UNIT ${title} ${unit}\n`
    for (const series of family.collect()) {
      if (series instanceof HistogramSeries) text += writeHistogram(name, series, isOpen)
      else text += `${name}${braced(series.labelText)} ${writeNumber(series.value)}\n`
    }
  }
  return format === 'openmetrics' ? `${text}# EOF\n` : text
}

function writeHistogram(name: string, series: HistogramSeries, isOpen: boolean): string {
  const prefix = series.labelText === '' ? '' : `${series.labelText},`
  let text = ''
  let count = 0
  for (let bucket = 0; bucket <= series.bounds.length; bucket++) {
    count += series.counts[bucket] as number
    const bound = series.bounds[bucket]
    const le = bound === undefined ? '+Inf' : isOpen ? canonical(bound) : writeNumber(bound)
    text += `${name}_bucket{${prefix}le="${le}"} ${count}`
    const exemplar = isOpen ? series.exemplar(bucket) : undefined
    text += exemplar === undefined ? '\n' : ` # {trace_id="${exemplar.traceId}"} ${writeNumber(exemplar.value)}\n`
  }
  const labels = braced(series.labelText)
  return `${text}${name}_sum${labels} ${writeNumber(series.sum)}\n${name}_count${labels} ${count}\n`
}

const braced = (labelText: string): string => (labelText === '' ? '' : `{${labelText}}`)

/** OpenMetrics writes whole bounds as floats: `1.0`. */
const canonical = (bound: number): string => (Number.isInteger(bound) ? `${bound}.0` : String(bound))

function writeNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}

function escapeHelp(help: string, isOpen: boolean): string {
  const escaped = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
  return isOpen ? escaped.replaceAll('"', '\\"') : escaped
}
