import { fileURLToPath } from 'node:url'
import type { LoaderFor } from './load.ts'

/** Bytes from a server that sends without end. */
export interface BulkLoad {
  readonly tool: 'bulk'
  readonly connections: number
}

const PROGRAM = fileURLToPath(new URL('bulk-reader.ts', import.meta.url))

/** What the reader prints. */
export interface BulkReport {
  readonly bytes: number
  readonly seconds: number
  /** Connections that ended before the time was over. */
  readonly broken: number
}

/** Our own reader: bytes on a number of connections. */
export const bulk: LoaderFor<BulkLoad> = ({ connections }, port, seconds) => ({
  command: {
    program: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', PROGRAM, String(port), String(connections), String(seconds)],
  },
  read: (output) => {
    const { bytes, seconds: took, broken } = JSON.parse(output) as BulkReport
    return { figures: { megabytesPerSecond: bytes / 1e6 / took }, errors: broken }
  },
})
