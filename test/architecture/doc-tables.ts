import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LIMITS } from '../../sidecar/core/limits.ts'
import { MESH_ERRORS } from '../../sidecar/core/mesh-errors.ts'
import { SIDECAR_METRICS } from '../../sidecar/telemetry/sidecar-metrics.ts'

/** The pages of the reference whose table is the code's. Text around the table is written by hand. */
export const DOC_TABLES: Readonly<Record<string, () => string>> = {
  'docs/errors.md': errorTable,
  'docs/limits.md': limitTable,
  'docs/metrics.md': metricTable,
}

const BEGIN = '<!-- table: written by `node test/architecture/write-docs.ts` -->\n'
const END = '<!-- end of table -->\n'

/** The page with its table replaced. Throws when the page has no place for one. */
export function withTable(page: string, table: string): string {
  const from = page.indexOf(BEGIN)
  const to = page.indexOf(END)
  if (from < 0 || to < from) throw new Error(`no place for a table: wanted ${BEGIN.trim()} … ${END.trim()}`)
  return `${page.slice(0, from + BEGIN.length)}\n${table}\n${page.slice(to)}`
}

/** A page as it is on disk. */
export const readPage = (path: string): string => readFileSync(toPath(path), 'utf8')

/** The path of a file of the repository. */
export const toPath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

const rows = (head: readonly string[], body: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...body]
    .map((cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |\n`)
    .join('')

function errorTable(): string {
  const body = Object.entries(MESH_ERRORS).map(([code, { http, grpc, flag, origin, retry, when }]) => [
    `\`${code}\``,
    http,
    grpc,
    flag,
    origin,
    retry,
    when,
  ])
  return rows(['`x-outrigger-error`', 'HTTP', 'gRPC', 'flag', 'caused by', 'retry', 'when'], body)
}

function metricTable(): string {
  const body = Object.values(SIDECAR_METRICS).map(({ name, kind, unit, labels, help }) => [
    `\`${name}\``,
    kind,
    unit,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])
  return rows(['name', 'kind', 'unit', 'labels', 'what it says'], body)
}

/** The reason of a limit is its comment; one comment may stand above several. */
function limitTable(): string {
  const source = readFileSync(toPath('sidecar/core/limits.ts'), 'utf8')
  const reasons = new Map<string, string>()
  let reason = ''
  for (const [, comment, name] of source.matchAll(/\/\*\*([\s\S]*?)\*\/|^ {2}(\w+):/gm)) {
    if (comment !== undefined) reason = comment.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim()
    else if (name !== undefined) reasons.set(name, reason)
  }
  const body = Object.entries(LIMITS).map(([name, value]) => [
    `\`${name}\``,
    withUnit(name, value),
    reasons.get(name) ?? '',
  ])
  return rows(['limit', 'value', 'what, and why'], body)
}

/** The unit is the end of the name. */
function withUnit(name: string, value: number): string {
  const text = value.toLocaleString('en-US')
  if (name.endsWith('Bytes'))
    return value % 2 ** 20 === 0 ? `${value / 2 ** 20} MiB` : value % 1024 === 0 ? `${value / 1024} KiB` : `${text} B`
  if (name.endsWith('Ms')) return value % 1_000 === 0 ? `${value / 1_000} s` : `${text} ms`
  return name.endsWith('PerSecond') ? `${text} /s` : text
}
