import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildRelease } from '../../bin/build-release.ts'
import { ApiClient } from '../../cli/api-client.ts'
import { LEAN_ENVIRONMENT, LEAN_FLAGS } from '../../cli/lean-process.ts'
import type { Stage } from '../contestant.ts'
import { accepting, type Command, end, freePorts, startPinned } from '../processes.ts'

/** What `env` sets, as docs/operations.md advises. */
const ENVIRONMENT: readonly string[] = Object.entries(LEAN_ENVIRONMENT).map(([name, value]) => `${name}=${value}`)

/** A control plane beside the load generator, with policy in it; sidecars are started by whoever needs them. */
export interface OutriggerMesh {
  /** The command of a sidecar of workload `bench/<name>`, which keeps identity and snapshot in a folder of that name. */
  sidecar(name: string, args: readonly string[]): Promise<SidecarCommand>
  stop(): Promise<void>
}

/** A sidecar's command, and where it says whether it is ready. */
export interface SidecarCommand extends Command {
  readonly probesPort: number
}

/** Builds the release and starts a control plane of it: as installed, one process, an embedded registry. */
export async function startMesh(
  stage: Pick<Stage, 'directory' | 'sinkPort' | 'loadCore'>,
  manifests: string,
): Promise<OutriggerMesh> {
  const { directory } = stage
  mkdirSync(directory, { recursive: true })
  const [pushPort = 0, apiPort = 0] = await freePorts(2)
  const release = await buildRelease(directory)
  const outrigger = (...args: readonly string[]): Command => ({
    program: 'env',
    args: [...ENVIRONMENT, process.execPath, ...LEAN_FLAGS, release, ...args],
  })
  const running = startPinned(
    stage.loadCore,
    outrigger(
      'control-plane',
      ...['--registry', `embedded:${join(directory, 'registry.db')}`, '--data-dir', directory],
      ...['--listen', `127.0.0.1:${pushPort}`, '--api-listen', `127.0.0.1:${apiPort}`],
      ...['--sampling', '0.01', '--otlp-endpoint', `http://127.0.0.1:${stage.sinkPort}`, '--access-log', 'errors'],
    ),
  )
  await accepting(apiPort)
  const plane = new ApiClient(`http://127.0.0.1:${apiPort}`, undefined)
  const { token } = await plane.call<{ token: string }>('POST', '/v1/tokens', {
    namespaces: ['bench'],
    serviceAccounts: ['*'],
  })
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const files = [{ name: 'bench.yaml', text: manifests }]
  await plane.call('PUT', '/v1/manifests', { namespace: 'bench', files })
  return {
    sidecar: async (name, args) => {
      const [adminPort = 0, probesPort = 0] = await freePorts(2)
      const command = outrigger(
        'sidecar',
        ...['--workload', `bench/${name}`, '--control-plane', `127.0.0.1:${pushPort}`],
        ...['--join-token-file', tokenFile, '--bundle', join(directory, 'bundle.pem')],
        ...['--state-dir', join(directory, name), '--drain-delay', '0s'],
        ...['--admin', `127.0.0.1:${adminPort}`, '--probes', `127.0.0.1:${probesPort}`],
        ...args,
      )
      return { ...command, probesPort }
    },
    stop: () => end(running),
  }
}
