import { fileURLToPath } from 'node:url'
import { HOST } from '../host.ts'
import { type LoaderFor, numberIn, toMs } from './load.ts'

/** Closed loop: as many requests as are answered. */
export interface WrkLoad {
  readonly tool: 'wrk'
  readonly path: string
  readonly connections: number
  /** Sends a body of this size with POST; else GET. */
  readonly bodyBytes?: number
}

const POST = fileURLToPath(new URL('post.lua', import.meta.url))

/** wrk with one thread. */
export const wrk: LoaderFor<WrkLoad> = ({ path, connections, bodyBytes }, port, seconds) => ({
  command: {
    program: 'wrk',
    args: [
      ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--latency', '-H', `Host: ${HOST}`],
      ...(bodyBytes === undefined ? [] : ['-s', POST]),
      `http://127.0.0.1:${port}${path}`,
      ...(bodyBytes === undefined ? [] : ['--', String(bodyBytes)]),
    ],
  },
  read: readWrk,
})

/** What wrk 4 prints. */
export function readWrk(output: string): ReturnType<ReturnType<LoaderFor<WrkLoad>>['read']> {
  const percentile = (name: number): number => toMs(new RegExp(`\\s${name}%\\s+(\\S+)`).exec(output)?.[1])
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output)?.slice(1) ?? []
  const refused = numberIn(output, /Non-2xx or 3xx responses: (\d+)/)
  return {
    figures: {
      requestsPerSecond: numberIn(output, /Requests\/sec:\s+([\d.]+)/),
      p50Ms: percentile(50),
      p90Ms: percentile(90),
      p99Ms: percentile(99),
    },
    requests: numberIn(output, /(\d+) requests in/),
    errors: socket.reduce((sum, count) => sum + Number(count), refused),
  }
}
