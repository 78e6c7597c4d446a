import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { eventually, pause } from '../support/eventually.ts'
import { listening } from './long-flows.ts'
import { startSidecarPair } from './sidecar-pair.ts'

/** Connections that are made at the same time. */
const BATCH_COUNT = 100
/** Until what the last of them cost is there. */
const SETTLING_MS = 2_000

/** Memory of each sidecar before, and with so many TCP connections that say nothing, in MiB. */
export async function holdIdleConnections(
  count: number,
): Promise<{ readonly before: readonly number[]; readonly after: readonly number[] }> {
  const accepted = new Set<Socket>()
  const server = createServer((socket) => {
    accepted.add(socket)
    socket.on('error', () => undefined)
  })
  await using pair = await startSidecarPair('tcp', await listening(server))
  const before = pair.residentMib('VmRSS')
  const reached = accepted.size
  const open: Socket[] = []
  while (open.length < count) {
    const batch = Array.from({ length: Math.min(BATCH_COUNT, count - open.length) }, () =>
      connect(pair.port, '127.0.0.1').on('error', () => undefined),
    )
    await Promise.all(batch.map((socket) => once(socket, 'connect')))
    open.push(...batch)
    await eventually('they reach the application', () => accepted.size >= reached + open.length)
  }
  await pause(SETTLING_MS)
  const after = pair.residentMib('VmRSS')
  for (const socket of [...open, ...accepted]) socket.destroy()
  server.close()
  return { before, after }
}
