import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { answeringOk } from '../../bench/ask.ts'
import { servingArgs } from '../../bench/contestants/outrigger.ts'
import { startMesh } from '../../bench/contestants/outrigger-mesh.ts'
import { accepting, end, freePorts } from '../../bench/processes.ts'
import { fetchLocal } from '../../cli/up/local-http.ts'
import { eventually } from '../support/eventually.ts'
import type { Doors } from './doors.ts'

/** What is attacked, and what others want of the same workload. */
const [ATTACKED, WANTED] = ['api', 'other']
const MANIFESTS = [ATTACKED, WANTED]
  .map(
    (name) => `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  namespace: bench
  annotations: {outrigger.dev/service-accounts: api}
spec: {ports: [{port: 80, name: http}]}
`,
  )
  .join('---\n')

/**
 * `nice` of the attacker and of the application that it asks for much: elsewhere they have processors of their own. Here they
 * would take the sidecars' and the victim's, and the victim would wait for those, whatever the sidecars do.
 */
export const ELSEWHERE_NICE = 10

/** One sidecar that can be attacked. */
export interface Attacked {
  readonly pid: number
  readonly probesPort: number
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

/** Builds the release into `directory` and starts everything from it. Nothing is pinned but the control plane. */
export async function startStand(directory: string): Promise<Stand> {
  const children: ChildProcess[] = []
  const application = async (nice: number): Promise<number> => {
    const child = fork(new URL('application.ts', import.meta.url), { stdio: 'inherit' })
    setPriority(child.pid ?? 0, nice)
    children.push(child)
    const [port] = (await once(child, 'message')) as [number]
    return port
  }
  const [appPort, wantedPort] = [await application(ELSEWHERE_NICE), await application(0)]
  const mesh = await startMesh({ directory, loadCore: 0, sinkPort: wantedPort }, MANIFESTS)
  const sidecar = async (name: string, ...args: readonly string[]): Promise<Attacked> => {
    const command = await mesh.sidecar(name, args)
    const child = spawn(command.program, command.args, { stdio: ['ignore', 'ignore', 'inherit'] })
    children.push(child)
    const { probesPort } = command
    return { pid: child.pid ?? 0, probesPort, metrics: () => samplesOf(probesPort) }
  }
  const [link = 0, attacked = 0, wanted = 0] = await freePorts(3)
  const back = await sidecar('api', ...servingArgs(link, appPort), '--serve', `${WANTED}:80=${wantedPort}`)
  const upstreams = [`${ATTACKED}=127.0.0.1:${attacked}`, `${WANTED}=127.0.0.1:${wanted}`]
  const front = await sidecar('web', ...upstreams.flatMap((one) => ['--upstream', one]))
  await sidecar('thief')
  await accepting(link)
  await Promise.all([answeringOk(attacked), answeringOk(wanted)])
  const identityFile = join(directory, 'thief', 'identity.json')
  await eventually('the thief has a certificate', () => existsSync(identityFile))
  const { keyPem, chainPem } = JSON.parse(JSON.parse(readFileSync(identityFile, 'utf8')).body)
  return {
    doors: {
      plainPort: attacked,
      linkPort: link,
      probesPort: front.probesPort,
      identity: { key: keyPem, cert: chainPem.join('') },
    },
    authority: ATTACKED,
    appPort,
    victim: { port: wanted, authority: WANTED },
    front,
    back,
    stop: async () => {
      await Promise.all(children.reverse().map(end))
      await mesh.stop()
    },
  }
}

async function samplesOf(port: number): Promise<ReadonlyMap<string, number>> {
  const samples = new Map<string, number>()
  for (const line of ((await fetchLocal(`http://127.0.0.1:${port}/metrics`))?.body ?? '').split('\n')) {
    const match = /^([^#\s{]+(?:\{.*\})?) ([^\s]+)/.exec(line)
    if (match !== null) samples.set(match[1] ?? '', Number(match[2]))
  }
  return samples
}
