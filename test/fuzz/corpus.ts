import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checksum } from './cuts.ts'

const ROOT = join(import.meta.dirname, 'corpus')

/** Inputs that once broke an invariant, or that chance finds late: a file for each. */
export function corpusOf(target: string): readonly Buffer[] {
  const folder = join(ROOT, target)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((file) => readFileSync(join(folder, file)))
}

/** Keeps a finding; returns its path. */
export function keep(target: string, kind: 'broken' | 'hang', input: Buffer): string {
  const folder = join(ROOT, target)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${kind}-${checksum(input).toString(16).padStart(8, '0')}`)
  writeFileSync(path, input)
  return path
}
