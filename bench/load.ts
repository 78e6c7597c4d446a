import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** One measurement of one contestant. */
export interface Sample {
  readonly requestsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than 2xx and 3xx, and socket errors: anything but 0 makes the sample worthless. */
  readonly errors: number
}

/** Closed-loop load by wrk, one thread on `core`. */
export async function measure(url: string, core: number, connections: number, seconds: number): Promise<Sample> {
  const args = ['-c', String(core), 'wrk', '-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency', url]
  const { stdout } = await run('taskset', args)
  return {
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p50Ms: toMs(/\s50%\s+(\S+)/.exec(stdout)?.[1]),
    p99Ms: toMs(/\s99%\s+(\S+)/.exec(stdout)?.[1]),
    errors: countErrors(stdout),
  }
}

function countErrors(output: string): number {
  const status = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0)
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)
  return status + (socket === null ? 0 : socket.slice(1).reduce((sum, count) => sum + Number(count), 0))
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 }

function toMs(text: string | undefined): number {
  const match = /^([\d.]+)(us|ms|s)$/.exec(text ?? '')
  return match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] ?? 'ms'] ?? 1)
}

/** The middle of a list. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
