import { fileURLToPath } from 'node:url'
import { GRPC_PATH } from '../backends/grpc-message.ts'
import { HOST } from '../host.ts'
import { type LoaderFor, numberIn, toMs } from './load.ts'

/** Unary calls of gRPC, closed loop. */
export interface H2loadLoad {
  readonly tool: 'h2load'
  readonly connections: number
  /** Calls in flight on each connection. */
  readonly streams: number
}

/** The body of a call, which h2load takes from a file: what `grpcMessage` makes. */
const CALL_FILE = fileURLToPath(new URL('call.bin', import.meta.url))

/** h2load with one thread and prior knowledge of HTTP/2. */
export const h2load: LoaderFor<H2loadLoad> = ({ connections, streams }, port, seconds) => ({
  command: {
    program: 'h2load',
    args: [
      ...['-t', '1', '-c', String(connections), '-m', String(streams), '-D', String(seconds), '-d', CALL_FILE],
      ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', '-H', `:authority: ${HOST}`],
      `http://127.0.0.1:${port}${GRPC_PATH}`,
    ],
  },
  read: readH2load,
})

/** What h2load 1.52 prints. */
export function readH2load(output: string): ReturnType<ReturnType<LoaderFor<H2loadLoad>>['read']> {
  const count = (name: string): number => numberIn(output, new RegExp(`(\\d+) ${name}`))
  const mean = /time for request:\s+\S+\s+\S+\s+(\S+)/.exec(output)?.[1]
  return {
    figures: { requestsPerSecond: numberIn(output, /finished in .*?, ([\d.]+) req\/s/), meanMs: toMs(mean) },
    requests: count('2xx'),
    errors: count('3xx') + count('4xx') + count('5xx') + count('errored') + count('timeout'),
  }
}
