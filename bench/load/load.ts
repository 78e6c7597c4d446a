import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Figures } from '../metrics.ts'
import type { Command } from '../processes.ts'

/** What a load generator found out in one round. */
export interface LoadResult {
  readonly figures: Figures
  /** Requests that were answered, where they are counted. */
  readonly requests?: number
  /** Answers other than 2xx and 3xx, connections that failed, time-outs: anything but 0 makes the round worthless. */
  readonly errors: number
}

/** A load generator: the command that it is, and how its output is read. */
export interface Loader {
  readonly command: Command
  read(output: string): LoadResult
}

/** What loads a port for a number of seconds. */
export type LoaderFor<L> = (load: L, port: number, seconds: number) => Loader

const run = promisify(execFile)

/** Runs a load generator pinned to a core. One that fails, or that nobody answers, is a round with an error. */
export async function runLoader(core: number, { command, read }: Loader): Promise<LoadResult> {
  const args = ['-c', String(core), command.program, ...command.args]
  try {
    const { stdout } = await run('taskset', args, { maxBuffer: 1 << 24 })
    const result = read(stdout)
    return result.requests === 0 ? { ...result, errors: result.errors + 1 } : result
  } catch (error) {
    process.stderr.write(`${command.program}: ${(error as Error).message}\n`)
    return { figures: {}, errors: 1 }
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 }

/** `1.25ms`, `310us`, `2s` in milliseconds, as wrk and h2load print times. */
export function toMs(text: string | undefined): number {
  const match = /^([\d.]+)(us|ms|s)$/.exec(text ?? '')
  return match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? 'ms'] ?? 1)
}

/** The first group of a pattern as a number, 0 where it does not match. */
export const numberIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)
