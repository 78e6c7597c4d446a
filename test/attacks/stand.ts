import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { accepting, end, freePorts } from '../../bench/processes.ts'
import { buildRelease } from '../../bin/build-release.ts'
import { LEAN_ENVIRONMENT, LEAN_FLAGS } from '../../cli/lean-process.ts'
import type { Doors } from './doors.ts'

/** What is attacked, and what others want of the same workload. */
const [ATTACKED, WANTED] = ['api', 'other']
const MANIFESTS = [ATTACKED, WANTED]
  .map(
    (name) => `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: shop
  annotations: {outrigger.dev/service-accounts: api}
spec: {ports: [{port: 80, name: http}]}
`,
  )
  .join('---\n')

/** One sidecar that can be attacked. */
export interface Attacked {
  readonly pid: number
  /** Samples of /metrics by name and labels. */
  metrics(): Promise<ReadonlyMap<string, number>>
}

/** Two sidecars as two pods have them, each a process, with an application behind and nobody's load on them yet. */
export interface Stand {
  readonly doors: Doors
  readonly authority: string
  /** Of the application that is attacked. */
  readonly appPort: number
  /** Where the victim calls, and whom: an application of its own behind the same two sidecars. */
  readonly victim: { readonly port: number; readonly authority: string }
  readonly front: Attacked
  readonly back: Attacked
  stop(): Promise<void>
}

/** Builds the release into `directory` and starts everything from it. */
export async function startStand(directory: string): Promise<Stand> {
  const command = await buildRelease(directory)
  const children: ChildProcess[] = []
  const [push = 0, api = 0, front = 0, other = 0, link = 0, ...rest] = await freePorts(11)
  const application = async (): Promise<number> => {
    const child = fork(new URL('application.ts', import.meta.url), { stdio: 'inherit' })
    children.push(child)
    const [port] = (await once(child, 'message')) as [number]
    return port
  }
  const appPort = await application()
  const serves = [`${ATTACKED}:80=${appPort}`, `${WANTED}:80=${await application()}`]
  const start = (...args: readonly string[]): ChildProcess => {
    const flags = ['--disable-warning=ExperimentalWarning', ...LEAN_FLAGS]
    const child = spawn(process.execPath, [...flags, command, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, ...LEAN_ENVIRONMENT },
    })
    children.push(child)
    return child
  }
  start(
    'control-plane',
    ...['--registry', `embedded:${join(directory, 'registry.db')}`, '--data-dir', directory],
    ...['--listen', `127.0.0.1:${push}`, '--api-listen', `127.0.0.1:${api}`, '--access-log', 'errors'],
  )
  await accepting(api)
  const { token } = JSON.parse(
    await callApi(api, 'POST', '/v1/tokens', { namespaces: ['shop'], serviceAccounts: ['*'] }),
  ) as { token: string }
  writeFileSync(join(directory, 'token'), token, { mode: 0o600 })
  await callApi(api, 'PUT', '/v1/manifests', { namespace: 'shop', files: [{ name: 'api.yaml', text: MANIFESTS }] })
  const sidecar = (name: string, ...args: readonly string[]): Attacked => {
    const [admin = 0, probes = 0] = rest.splice(0, 2)
    const child = start(
      'sidecar',
      ...['--workload', `shop/${name}`, '--control-plane', `127.0.0.1:${push}`],
      ...['--join-token-file', join(directory, 'token'), '--bundle', join(directory, 'bundle.pem')],
      ...['--state-dir', join(directory, name), '--drain-delay', '0s'],
      ...['--admin', `127.0.0.1:${admin}`, '--probes', `127.0.0.1:${probes}`],
      ...args,
    )
    return { pid: child.pid ?? 0, metrics: () => samplesOf(probes) }
  }
  const back = sidecar('api', '--inbound', `127.0.0.1:${link}`, ...serves.flatMap((one) => ['--serve', one]))
  const upstreams = [`${ATTACKED}=127.0.0.1:${front}`, `${WANTED}=127.0.0.1:${other}`]
  const frontSidecar = sidecar('web', ...upstreams.flatMap((one) => ['--upstream', one]))
  sidecar('thief')
  await Promise.all([accepting(front), accepting(link)])
  const identityFile = join(directory, 'thief', 'identity.json')
  await until('the thief has a certificate', () => existsSync(identityFile))
  for (const port of [front, other]) {
    await until('the application answers', () =>
      callApi(port, 'GET', '/').then(
        () => true,
        () => false,
      ),
    )
  }
  const { keyPem, chainPem } = JSON.parse(JSON.parse(readFileSync(identityFile, 'utf8')).body)
  return {
    doors: { plainPort: front, linkPort: link, identity: { key: keyPem, cert: chainPem.join('') } },
    authority: ATTACKED,
    appPort,
    victim: { port: other, authority: WANTED },
    front: frontSidecar,
    back,
    stop: async () => {
      await Promise.all(children.reverse().map(end))
    },
  }
}

/** Memory that is resident, MiB. */
export function residentMib(pid: number): number {
  const kib = /VmRSS:\s+([0-9]+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kib ?? 0) / 1024
}

async function samplesOf(port: number): Promise<ReadonlyMap<string, number>> {
  const samples = new Map<string, number>()
  for (const line of (await callApi(port, 'GET', '/metrics')).split('\n')) {
    const match = /^([^#\s{]+(?:\{.*\})?) ([^\s]+)/.exec(line)
    if (match !== null) samples.set(match[1] ?? '', Number(match[2]))
  }
  return samples
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`after half a minute it is not so: ${what}`)
}

/** One request; answers the body, rejects where the status is 400 or more. */
function callApi(port: number, method: string, path: string, body?: unknown): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
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
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body))
  })
}
