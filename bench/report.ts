/** Medians of one contestant at one number of connections. */
interface Cell {
  readonly connections: number
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
}

/** What a run found out. */
export interface BenchReport {
  readonly machine: string
  readonly commit: string
  readonly load: string
  /** Contestants that were not installed. */
  readonly absent: readonly string[]
  readonly rows: readonly {
    readonly name: string
    readonly version: string
    readonly residentMib: number
    readonly cells: readonly Cell[]
  }[]
}

/** The report as Markdown: a table, the ratios to the first peer, and where it was measured. */
export function toMarkdown({ machine, commit, load, absent, rows }: BenchReport): string {
  const [ours] = rows
  if (ours === undefined) return 'nothing was measured'
  const heading = ['requests/s (p50/p99 ms)', ...ours.cells.map(({ connections }) => `${connections}`), 'RSS MiB']
  const lines = rows.map(({ name, version, cells, residentMib }) => [
    `${name} ${version}`,
    ...cells.map(
      (cell) =>
        `${cell.requestsPerSecond.toLocaleString('en')} (${cell.p50Ms.toFixed(2)}/${cell.p99Ms.toFixed(2)})${cell.errors > 0 ? ` ${cell.errors} errors!` : ''}`,
    ),
    String(residentMib),
  ])
  const ratios = rows
    .slice(1)
    .map((peer) => [
      `Outrigger ÷ ${peer.name}`,
      ...peer.cells.map((cell, at) => ((ours.cells[at]?.requestsPerSecond ?? 0) / cell.requestsPerSecond).toFixed(2)),
      '',
    ])
  const table = [heading, heading.map(() => '---'), ...lines, ...ratios].map((cells) => `| ${cells.join(' | ')} |`)
  const missing = absent.length === 0 ? '' : `\nNot installed: ${absent.join(', ')}.`
  return `${table.join('\n')}\n\n${load}; ${machine}; commit ${commit}.${missing}`
}
