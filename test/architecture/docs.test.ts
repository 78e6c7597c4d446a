import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { LIMITS } from '../../sidecar/core/limits.ts'
import { MESH_ERRORS } from '../../sidecar/core/mesh-errors.ts'
import { SIDECAR_METRICS } from '../../sidecar/telemetry/sidecar-metrics.ts'
import { DOC_TABLES, readPage, withTable } from './doc-tables.ts'
import { ROOT, sourceFiles } from './import-graph.ts'

for (const [path, table] of Object.entries(DOC_TABLES)) {
  test(`${path} says what the code says`, () => {
    const page = readPage(path)
    assert.equal(
      page,
      withTable(page, table()),
      `${path} is behind the code: run \`node test/architecture/write-docs.ts\``,
    )
  })
}

test('every decision is listed', () => {
  const list = readPage('docs/README.md')
  const files = readdirSync(new URL('../../docs/decisions', import.meta.url))
  assert.deepEqual(
    files.filter((file) => !list.includes(`(decisions/${file})`)),
    [],
  )
})

test('every limit has its unit in its name and a reason above it', () => {
  const text = DOC_TABLES['docs/limits.md']?.() ?? ''
  for (const name of Object.keys(LIMITS)) {
    assert.match(name, /(?:Bytes|Count|Ms|PerSecond)$|^settingsPerFrameCount$/)
    assert.match(text, new RegExp(`\\| \`${name}\` \\| [^|]+ \\| \\S`), name)
  }
})

test('every error is made somewhere', () => {
  const code = sourceFiles()
    .filter((file) => file.startsWith('sidecar/') && file !== 'sidecar/core/mesh-errors.ts')
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n')
  const made = (name: string): boolean =>
    new RegExp(`(?:meshError\\(|[rR]efuse\\(|die\\(|code = |tooLarge\\()[^;]*'${name}'`).test(code)
  assert.deepEqual(
    Object.keys(MESH_ERRORS).filter((name) => !made(name)),
    [],
  )
})

test('every metric has a unique name that Prometheus takes, with the unit that its declaration says', () => {
  const definitions = Object.values(SIDECAR_METRICS)
  assert.equal(new Set(definitions.map(({ name }) => name)).size, definitions.length)
  for (const { name, kind, unit, labels, help } of definitions) {
    assert.match(name, /^(?:outrigger|http_(?:client|server))_[a-z0-9_]+$/)
    assert.equal(name.endsWith('_total'), kind === 'counter', name)
    if (unit !== '') assert(name.replace(/_total$/, '').endsWith(`_${unit}`), name)
    for (const label of labels) assert.match(label, /^[a-z_]+$/)
    assert.match(help, /\.$/, name)
  }
})

test('every error has a flag that is its own column in the access log: two capital letters', () => {
  for (const { flag } of Object.values(MESH_ERRORS)) assert.match(flag, /^[A-Z]{2}$/)
})
