import { parseArgs } from 'node:util'
import { holdIdleConnections } from './idle-connections.ts'
import { LONG_FLOWS, type LongFlow, listening } from './long-flows.ts'
import { startSidecarPair } from './sidecar-pair.ts'

/*
 * What a sidecar of the release holds: while a long stream passes whose reader is slow, in each protocol and each way, and
 * for each of many idle TCP connections. `node test/endurance/memory.ts --gib 5 --connections 10000 --only TCP`. Ends
 * with 1 when a bound is passed. Needs two cores and no quiet machine.
 */

const { values: flags } = parseArgs({
  options: {
    gib: { type: 'string', default: '5' },
    connections: { type: 'string', default: '10000' },
    only: { type: 'string', default: '' },
  },
})

/** All of a sidecar, in MiB: 100 MB. */
const MOST_RESIDENT_MIB = 100e6 / 2 ** 20
const MOST_IDLE_KIB = 20

const BYTES = Math.round(Number(flags.gib) * 2 ** 30)
const CONNECTION_COUNT = Number(flags.connections)

/** One line, with its verdict; `figures` are of the caller's sidecar and of the callee's. */
function tell(what: string, figures: readonly number[], unit: string, most: number): void {
  const isGood = figures.every((figure) => figure <= most)
  if (!isGood) process.exitCode = 1
  const shown = figures.map((figure) => figure.toFixed(1)).join(' and ')
  console.log(`${isGood ? 'ok  ' : 'OVER'}  ${what}: ${shown} ${unit}, at most ${most.toFixed(1)}`)
}

async function carry({ name, protocol, application, call }: LongFlow): Promise<void> {
  const server = application(BYTES)
  const { port, isReached } = await listening(server)
  await using pair = await startSidecarPair(protocol, port, isReached)
  const idle = pair.residentMib('VmRSS').map((mib) => mib.toFixed(1))
  const startMs = performance.now()
  const received = await call(pair.port, BYTES)
  const seconds = Math.round((performance.now() - startMs) / 1_000)
  server.close()
  if (received !== BYTES) throw new Error(`${name}: ${received} of ${BYTES} octets came`)
  tell(
    `${name}, ${flags.gib} GiB in ${seconds} s, from ${idle.join(' and ')}`,
    pair.residentMib('VmHWM'),
    'MiB',
    MOST_RESIDENT_MIB,
  )
}

for (const flow of LONG_FLOWS) if (flow.name.includes(flags.only)) await carry(flow)
if (CONNECTION_COUNT > 0) {
  const { before, after } = await holdIdleConnections(CONNECTION_COUNT)
  const each = after.map((mib, at) => ((mib - (before[at] ?? 0)) * 1_024) / CONNECTION_COUNT)
  tell(`${CONNECTION_COUNT} idle TCP connections, each`, each, 'KiB', MOST_IDLE_KIB)
}
process.exit() // sockets of applications may still linger
