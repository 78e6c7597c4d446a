import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CASES } from '../cases.ts'
import type { BenchRun } from '../result.ts'
import { chartsOf } from './charts.ts'
import { toMarkdown } from './markdown.ts'

/*
 * Writes docs/performance.md between its marks, and the charts, from files of bench/results: `node bench/report/page.ts
 * full`. Of several, the cases of a later one replace those of an earlier one, and the machine must be the same.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGE = join(ROOT, 'docs/performance.md')
const CHARTS = join(ROOT, 'docs/performance')
const BEGIN = '<!-- figures: written by `make bench` -->'
const END = '<!-- end of figures -->'

/** A page with what stands between its marks replaced. */
export function withFigures(page: string, figures: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`the page has no place for figures; wanted "${BEGIN}" and "${END}"`)
  return `${page.slice(0, from + BEGIN.length)}\n\n${figures}\n\n${page.slice(to)}`
}

/** Several runs as one: cases of later runs replace those of earlier ones. Runs of other machines cannot be joined. */
export function joinRuns(runs: readonly BenchRun[]): BenchRun {
  const [first] = runs
  if (first === undefined) throw new Error('name at least one file of bench/results')
  const { cpu, cores } = first.machine
  if (runs.some(({ machine }) => machine.cpu !== cpu || machine.cores !== cores))
    throw new Error('runs of different machines cannot stand on one page')
  const cases = new Map(runs.flatMap((run) => run.cases.map((result) => [result.name, result] as const)))
  const absent = new Map(runs.flatMap((run) => run.absent.map((one) => [one.name, one] as const)))
  for (const { contestants } of cases.values()) for (const { name } of contestants) absent.delete(name)
  return { ...first, cases: [...cases.values()], absent: [...absent.values()] }
}

/** Writes page and charts. */
export function writePage(names: readonly string[]): void {
  const run = joinRuns(
    names.map((name) => JSON.parse(readFileSync(join(ROOT, 'bench/results', `${name}.json`), 'utf8')) as BenchRun),
  )
  mkdirSync(CHARTS, { recursive: true })
  for (const file of readdirSync(CHARTS)) if (file.endsWith('.svg')) rmSync(join(CHARTS, file))
  const charts = CASES.flatMap((benchCase) => {
    const result = run.cases.find(({ name }) => name === benchCase.name)
    return result === undefined ? [] : chartsOf(benchCase, result)
  })
  for (const { file, svg } of charts) writeFileSync(join(CHARTS, file), svg)
  const pictures = charts.map(({ file, title }) => `![${title}](performance/${file})`)
  const figures = [toMarkdown(run, CASES), ...pictures].join('\n\n')
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, 'utf8'), figures))
}

if (import.meta.main) writePage(process.argv.slice(2))
