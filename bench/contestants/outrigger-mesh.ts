import { mkdirSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { buildRelease } from '../../bin/build-release.ts'
import { LEAN_ENVIRONMENT, LEAN_FLAGS } from '../../cli/lean-process.ts'
import type { Stage } from '../contestant.ts'
import { accepting, type Command, end, freePorts, startPinned } from '../processes.ts'

/** What `env` sets, and flags of `node`: as docs/operations.md advises. */
const ENVIRONMENT: readonly string[] = Object.entries(LEAN_ENVIRONMENT).map(([name, value]) => `${name}=${value}`)
const NODE_FLAGS: readonly string[] = ['--disable-warning=ExperimentalWarning', ...LEAN_FLAGS]

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
export async function startMesh(stage: Stage, manifests: string): Promise<OutriggerMesh> {
  const { directory } = stage
  mkdirSync(directory, { recursive: true })
  const [pushPort = 0, apiPort = 0] = await freePorts(2)
  const release = await buildRelease(directory)
  const outrigger = (...args: readonly string[]): Command => ({
    program: 'env',
    args: [...ENVIRONMENT, process.execPath, ...NODE_FLAGS, release, ...args],
  })
  const plane = startPinned(
    stage.loadCore,
    outrigger(
      'control-plane',
      ...['--registry', `embedded:${join(directory, 'registry.db')}`, '--data-dir', directory],
      ...['--listen', `127.0.0.1:${pushPort}`, '--api-listen', `127.0.0.1:${apiPort}`],
      ...['--sampling', '0.01', '--otlp-endpoint', `http://127.0.0.1:${stage.sinkPort}`, '--access-log', 'errors'],
    ),
  )
  await accepting(apiPort)
  const { token } = JSON.parse(
    await callApi(apiPort, 'POST', '/v1/tokens', { namespaces: ['bench'], serviceAccounts: ['*'] }),
  ) as { token: string }
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const files = [{ name: 'bench.yaml', text: manifests }]
  await callApi(apiPort, 'PUT', '/v1/manifests', { namespace: 'bench', files })
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
    stop: () => end(plane),
  }
}

/** One request of the control plane's API; answers the body, rejects where the status is 400 or more. */
function callApi(port: number, method: string, path: string, body: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => {
        if ((response.statusCode ?? 500) < 400) resolve(text)
        else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
      })
    })
    sent.on('error', reject).end(JSON.stringify(body))
  })
}
