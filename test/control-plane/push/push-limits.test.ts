import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'ava'
import { PUSH_LIMITS } from '../../../control-plane/push/push-limits.ts'

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')

const written = (name: string, value: number): string => {
  if (!name.endsWith('Bytes')) return value.toLocaleString('en-US')
  if (value < 1_024) return String(value)
  return value < 1_024 ** 2 ? `${value / 1_024} KiB` : `${value / 1_024 ** 2} MiB`
}

for (const [name, value] of Object.entries(PUSH_LIMITS)) {
  test(`docs/limits.md says what ${name} is`, () => {
    const text = written(name, value)
    assert.ok(page.includes(`| \`${name}\` | ${text} |`) || page.includes(`\`${name}\` (${text})`), `${name}: ${text}`)
  })
}
