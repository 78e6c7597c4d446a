import { connect } from 'node:net'
import type { BulkReport } from './bulk.ts'

/*
 * Reads as fast as bytes come, on a number of connections, for a time that starts with the first byte of the last
 * connection; then prints how many there were. Arguments: port on loopback, connections, seconds.
 */

const [port = 0, connections = 0, seconds = 0] = process.argv.slice(2).map(Number)
/** One for all: what is read is thrown away. */
const buffer = Buffer.allocUnsafe(256 * 1_024)
const START_TIMEOUT_MS = 10_000
let started = 0
let bytes = 0
let broken = 0
let startMs = 0

const giveUp = setTimeout(() => report(connections), START_TIMEOUT_MS)

function begin(): void {
  clearTimeout(giveUp)
  bytes = 0
  startMs = performance.now()
  setTimeout(() => report(broken), seconds * 1_000)
}

function report(failures: number): void {
  const result: BulkReport = { bytes, seconds: (performance.now() - startMs) / 1_000, broken: failures }
  console.log(JSON.stringify(result))
  process.exit()
}

for (let at = 0; at < connections; at++) {
  let isFirst = true
  const callback = (count: number): boolean => {
    bytes += count
    if (isFirst) {
      isFirst = false
      if (++started === connections) begin()
    }
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', onread: { buffer, callback } })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    broken++
  })
}
