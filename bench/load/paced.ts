import { fileURLToPath } from 'node:url'
import type { LoaderFor } from './load.ts'

/** Open loop: requests at fixed times. */
export interface PacedLoad {
  readonly tool: 'paced'
  readonly path: string
  readonly requestsPerSecond: number
  readonly connections: number
}

/** What the generator prints; times in milliseconds. */
export interface PacedReport {
  readonly requests: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly lateP99Ms: number
  readonly errors: number
}

const PROGRAM = fileURLToPath(new URL('paced-generator.ts', import.meta.url))

/**
 * Our own generator. It looks at its clock without end, because timers of a millisecond would be most of what it measures;
 * the scheduler's idle class makes it give way to the backend on the same core at once.
 */
export const paced: LoaderFor<PacedLoad> = ({ path, requestsPerSecond, connections }, port, seconds) => ({
  command: {
    program: 'chrt',
    args: [
      ...['--idle', '0', process.execPath, '--disable-warning=ExperimentalWarning', PROGRAM],
      ...[port, path, requestsPerSecond, connections, seconds].map(String),
    ],
  },
  read: (output) => {
    const { requests, errors, ...figures } = JSON.parse(output) as PacedReport
    return { figures, requests, errors }
  },
})
