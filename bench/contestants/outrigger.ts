import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { buildRelease } from '../../bin/build-release.ts'
import { accepting, type Contestant, end, type Stage, startPinned } from '../contestant.ts'
import { freePort } from '../free-port.ts'

const PACKAGE = new URL('../../package.json', import.meta.url)

/** Two sidecars as two pods have them, with a control plane beside the load generator: the whole pipeline is on. */
export async function startOutrigger(
  stage: Stage,
  manifests: string,
  nodeFlags: readonly string[] = [],
): Promise<Contestant> {
  const directory = join(stage.directory, 'outrigger')
  mkdirSync(directory, { recursive: true })
  const [pushPort, apiPort, frontPort, meshPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ]
  const command = await buildRelease(directory)
  const node = (core: number, flags: readonly string[], args: readonly string[]): ReturnType<typeof startPinned> =>
    startPinned(core, process.execPath, ['--disable-warning=ExperimentalWarning', ...flags, command, ...args])
  const plane = node(
    1 - stage.core,
    [],
    [
      'control-plane',
      '--registry',
      `embedded:${join(directory, 'registry.db')}`,
      '--data-dir',
      directory,
      '--listen',
      `127.0.0.1:${pushPort}`,
      '--api-listen',
      `127.0.0.1:${apiPort}`,
      '--sampling',
      '0.01',
      '--access-log',
      'errors',
    ],
  )
  await accepting(apiPort)
  const { token } = (await call(apiPort, 'POST', '/v1/tokens', { namespaces: ['bench'], serviceAccounts: ['*'] })) as {
    token: string
  }
  const tokenFile = join(directory, 'token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  await call(apiPort, 'PUT', '/v1/manifests', { namespace: 'bench', files: [{ name: 'bench.yaml', text: manifests }] })
  const sidecar = async (name: string, args: readonly string[]): Promise<ReturnType<typeof startPinned>> =>
    node(stage.core, nodeFlags, [
      'sidecar',
      '--workload',
      `bench/${name}`,
      '--control-plane',
      `127.0.0.1:${pushPort}`,
      '--join-token-file',
      tokenFile,
      '--bundle',
      join(directory, 'bundle.pem'),
      '--state-dir',
      join(directory, name),
      '--drain-delay',
      '0s',
      '--admin',
      `127.0.0.1:${await freePort()}`,
      '--probes',
      `127.0.0.1:${await freePort()}`,
      ...args,
    ])
  const back = await sidecar('api', ['--inbound', `127.0.0.1:${meshPort}`, '--serve', `api:80=${stage.backendPort}`])
  const front = await sidecar('web', ['--upstream', `api=127.0.0.1:${frontPort}`])
  await Promise.all([accepting(frontPort), accepting(meshPort)])
  await answering(frontPort)
  return {
    name: 'Outrigger',
    version: (JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version,
    url: `http://127.0.0.1:${frontPort}/`,
    pids: [front.pid ?? 0, back.pid ?? 0],
    stop: async () => {
      await Promise.all([end(front), end(back)])
      await end(plane)
    },
  }
}

/** Waits for the first good answer through both sidecars; rejects after 15 s. */
async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const status = await call(port, 'GET', '/').then(
      () => 200,
      () => 0,
    )
    if (status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('no answer through the two sidecars after 15 s')
}

function call(port: number, method: string, path: string, body?: unknown): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () => {
        if ((response.statusCode ?? 500) >= 400) reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
        else resolve(text.startsWith('{') ? JSON.parse(text) : text)
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
