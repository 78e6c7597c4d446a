import { readFileSync } from 'node:fs'
import type { ContestantKind, Pair, Stage } from '../contestant.ts'
import { BENCH_MANIFESTS } from '../manifests.ts'
import { startCommands } from '../pair.ts'
import { freePorts } from '../processes.ts'
import { startMesh } from './outrigger-mesh.ts'

const PACKAGE = new URL('../../package.json', import.meta.url)

/** Two sidecars of a built release, with a control plane: the whole pipeline is on. */
export const OUTRIGGER: ContestantKind = {
  name: 'outrigger',
  title: 'Outrigger',
  wires: ['http', 'grpc', 'tcp'],
  between: 'HTTP/2',
  authorizes: true,
  version: () => (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
  start: (stage) => startOutrigger(stage, BENCH_MANIFESTS[stage.wire]),
}

/** The same with other manifests. */
export async function startOutrigger(stage: Stage, manifests: string): Promise<Pair> {
  const mesh = await startMesh(stage, manifests)
  try {
    const [frontPort = 0, meshPort = 0] = await freePorts(2)
    const back = await mesh.sidecar('api', servingArgs(meshPort, stage.backendPort))
    const front = await mesh.sidecar('web', ['--upstream', `api=127.0.0.1:${frontPort}`])
    const pair = await startCommands(stage, { front: frontPort, mesh: meshPort }, { front, back })
    return {
      ...pair,
      stop: async () => {
        await pair.stop()
        await mesh.stop()
      },
    }
  } catch (error) {
    await mesh.stop()
    throw error
  }
}

/** Arguments of the sidecar beside the callee. */
export const servingArgs = (meshPort: number, appPort: number): readonly string[] => [
  ...['--inbound', `127.0.0.1:${meshPort}`],
  ...['--serve', `api:80=${appPort}`],
]
