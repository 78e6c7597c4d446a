import { fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { eventually, pause } from '../support/eventually.ts'
import { startSidecarPair } from './sidecar-pair.ts'

/** Connections that are made at the same time. */
const BATCH_COUNT = 100
/** Until what the last of them cost is there. */
const SETTLING_MS = 2_000

const APPLICATION = fileURLToPath(new URL('idle-application.ts', import.meta.url))

/** Memory of each sidecar before, and with so many TCP connections that say nothing, in MiB. */
export async function holdIdleConnections(
  count: number,
): Promise<{ readonly before: readonly number[]; readonly after: readonly number[] }> {
  const application = fork(APPLICATION)
  const [{ port }] = (await once(application, 'message')) as [{ port: number }]
  let reachedCount = 0
  application.on('message', (said: { count: number }) => {
    reachedCount = said.count
  })
  await using pair = await startSidecarPair('tcp', port, () => reachedCount > 0)
  const before = pair.residentMib('VmRSS')
  const early = reachedCount
  const open: Socket[] = []
  while (open.length < count) {
    const batch = Array.from({ length: Math.min(BATCH_COUNT, count - open.length) }, () =>
      connect(pair.port, '127.0.0.1').on('error', () => undefined),
    )
    await Promise.all(batch.map((socket) => once(socket, 'connect')))
    open.push(...batch)
    await eventually('they reach the application', () => reachedCount >= early + open.length)
  }
  await pause(SETTLING_MS)
  const after = pair.residentMib('VmRSS')
  for (const socket of open) socket.destroy()
  application.disconnect()
  return { before, after }
}
