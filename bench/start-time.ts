import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { askHttp } from './ask.ts'
import { startBackend } from './backends/backends.ts'
import { servingArgs } from './contestants/outrigger.ts'
import { startMesh } from './contestants/outrigger-mesh.ts'
import type { Ground } from './line.ts'
import { BENCH_MANIFESTS } from './manifests.ts'
import { accepting, accepts, end, freePorts, pause, startPinned } from './processes.ts'
import type { Sample } from './result.ts'

const POLL_MS = 2
const TIMEOUT_MS = 10_000
/** The last good snapshot is written behind the traffic. */
const SETTLE_MS = 2_000

/**
 * Starts a sidecar of a built release again and again in a state directory that holds its identity and last good
 * snapshot, with the control plane there, as after a pod's restart: milliseconds from the start of the process until its
 * mesh port takes connections, and until its probe port answers that it is ready.
 */
export async function measureStarts(ground: Ground, rounds: number): Promise<readonly Sample[]> {
  const directory = join(ground.directory, 'start')
  mkdirSync(directory, { recursive: true })
  const backend = await startBackend('http', directory, ground.loadCore)
  const stage = { ...ground, directory, wire: 'http', backendPort: backend.port, sinkPort: backend.port } as const
  const mesh = await startMesh(stage, BENCH_MANIFESTS.http)
  try {
    const [meshPort = 0, frontPort = 0] = await freePorts(2)
    const upstream = ['--upstream', `api=127.0.0.1:${frontPort}`]
    const command = await mesh.sidecar('api', [...servingArgs(meshPort, backend.port), ...upstream])
    const first = startPinned(ground.core, command)
    await accepting(meshPort)
    await until(() => isReady(command.probesPort))
    await pause(SETTLE_MS)
    await end(first)
    const samples: Sample[] = []
    for (let round = 1; round <= rounds; round++) {
      const startMs = performance.now()
      const since = (): number => performance.now() - startMs
      const child = startPinned(ground.core, command)
      const [listeningMs, readyMs] = await Promise.all([
        until(() => accepts(meshPort)).then(since),
        until(() => isReady(command.probesPort)).then(since),
      ])
      const isLate = since() > TIMEOUT_MS
      samples.push({ round, figures: { listeningMs, readyMs }, errors: isLate ? 1 : 0 })
      await end(child)
    }
    return samples
  } finally {
    await mesh.stop()
    await backend.stop()
  }
}

/** Asks until the answer is yes, or the time is over. */
async function until(ask: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + TIMEOUT_MS
  while (performance.now() < endMs && !(await ask())) await pause(POLL_MS)
}

const isReady = (probesPort: number): Promise<boolean> =>
  askHttp(probesPort, 'GET', '/ready').then(
    ({ status }) => status === 200,
    () => false,
  )
