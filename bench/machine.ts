import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { BenchRun } from './result.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** The class of the machine: what a reader needs to judge figures, and nothing that names it. */
export const thisMachine = (): BenchRun['machine'] => ({
  cpu: cpus()[0]?.model ?? 'unknown CPU',
  cores: cpus().length,
  memoryGib: Math.round(totalmem() / 2 ** 30),
  kernel: `Linux ${release().split('-')[0]}`,
  node: process.versions.node,
})

/** The commit that is checked out, and whether the product's own files differ from it. */
export function thisCommit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] }).toString()
  try {
    const isChanged = git('status', '--porcelain', '--', 'bin', 'certs', 'sidecar', 'control-plane', 'cli') !== ''
    return `${git('rev-parse', '--short', 'HEAD').trim()}${isChanged ? ' with changes' : ''}`
  } catch {
    return 'unknown'
  }
}

/** The first of these programs that this machine has not. */
export function findMissing(programs: readonly string[]): string | undefined {
  return programs.find((program) => {
    try {
      execFileSync('which', [program], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
}

/** This process, and all that it starts and does not pin, beside the load generator: never on the proxies' core. */
export function pinThisProcess(core: number): void {
  execFileSync('taskset', ['-a', '-c', '-p', String(core), String(process.pid)], { stdio: 'ignore' })
}
