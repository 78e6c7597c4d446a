import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import test from 'ava'
import { ROOT, sourceFiles } from './import-graph.ts'

const LONGEST_LINES = 320
const VAGUE_NAME = /^(utils?|helpers?|common|manager|misc|tools?)\.ts$/
/** The outside enters as arguments: these stand in the files that are its doors, and nowhere else. */
const OUTSIDE = /(?<![.\w])(Date\.now|Math\.random|performance\.now|setTimeout|setInterval|process\.env)\b/
const DOORS = [/^sidecar\/core\/(clock|random)\.ts$/, /(^|\/)main\.ts$/, /^examples\//]

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

test('no file is longer than a person reads at once', () => {
  const long = sourceFiles().filter((file) => read(file).split('\n').length > LONGEST_LINES)
  assert.deepEqual(long, [])
})

test('no file has a name that says nothing', () => {
  assert.deepEqual(
    sourceFiles().filter((file) => VAGUE_NAME.test(basename(file))),
    [],
  )
})

test('time, chance and environment enter as arguments', () => {
  const offenders: string[] = []
  for (const file of sourceFiles()) {
    if (DOORS.some((door) => door.test(file))) continue
    for (const [at, line] of read(file).split('\n').entries()) {
      const code = line.replace(/\/\/.*$|^\s*\*.*$|\/\*.*?\*\//g, '')
      if (OUTSIDE.test(code)) offenders.push(`${file}:${at + 1}: ${line.trim()}`)
    }
  }
  assert.deepEqual(offenders, [])
})

test('only erasable TypeScript is used, without escape hatches', () => {
  const offenders: string[] = []
  for (const file of sourceFiles()) {
    for (const [at, line] of read(file).split('\n').entries()) {
      if (/@ts-(ignore|nocheck|expect-error)|\bas any\b|: any\b/.test(line))
        offenders.push(`${file}:${at + 1}: ${line.trim()}`)
    }
  }
  assert.deepEqual(offenders, [])
})
