import { readdirSync, readlinkSync } from 'node:fs'
import { request } from 'node:http'
import { queryObjects } from 'node:v8'
import { pause } from '../support/eventually.ts'
import type { CutStage } from './cut-stage.ts'

/** What stands open, by name. Returns to what it was when nothing leaks. */
export type Standing = Readonly<Record<string, number>>

/** A page of a port of loopback, on a connection that ends with it. */
function pageOf(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString()
      })
      response.on('end', () => resolve(text))
      response.on('error', reject)
    })
    call.on('error', reject)
    call.end()
  })
}

interface ShownLoad {
  readonly services: readonly {
    readonly inFlight: number
    readonly endpoints: readonly { readonly inFlight: number }[]
  }[]
}

/** What one sidecar says of itself: gauges of streams and connections, and what its balancer counts as in flight. */
async function told(name: string, ports: { readonly admin: number; readonly probes: number }): Promise<Standing> {
  const standing: Record<string, number> = {}
  for (const line of (await pageOf(ports.probes, '/metrics')).split('\n')) {
    const [, series = '', value] = /^outrigger_(open_\S+\{.*\}) (\S+)$/.exec(line) ?? []
    if (value !== undefined) standing[`${name} ${series}`] = Number(value)
  }
  const { services } = JSON.parse(await pageOf(ports.admin, '/endpoints')) as ShownLoad
  const counts = services.flatMap(({ inFlight, endpoints }) => [inFlight, ...endpoints.map((one) => one.inFlight)])
  standing[`${name} in flight`] = counts.reduce((sum, one) => sum + one, 0)
  return standing
}

/** Sockets among the descriptors of this process: every sidecar, application and relay is in it. */
function socketDescriptors(): number {
  let count = 0
  for (const name of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${name}`).startsWith('socket:')) count++
    } catch {
      // the descriptor by which the folder was read
    }
  }
  return count
}

/** What Node waits for: sockets, servers, timers. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo())
    if (/^(TCP|TLS|Timeout)/.test(kind)) counts[`resource ${kind}`] = (counts[`resource ${kind}`] ?? 0) + 1
  return counts
}

/** Objects that anything still holds, after a collection of garbage. Takes a second or so: all of the heap is walked. */
export function liveObjects(classes: readonly (abstract new (...args: never) => object)[]): Standing {
  const entries = classes.map((one) => [`live ${one.name}`, Number(queryObjects(one as never, { format: 'count' }))])
  return Object.fromEntries(entries)
}

/** Everything that stands open on a stage. */
export async function standing(stage: CutStage): Promise<Standing> {
  const all = await Promise.all(
    [...stage.mesh.workloads.values()].map(({ name, sidecar }) => told(name, sidecar.ports)),
  )
  await pause(20) // the connections of these questions end
  return {
    ...Object.assign({}, ...all),
    ...resources(),
    'connections of applications': stage.applicationConnectionCount,
    'sockets of relays': stage.relayedCount,
    'socket descriptors': socketDescriptors(),
  }
}

/** What stands open now and did not before, in words. */
export const leftOver = (before: Standing, now: Standing): readonly string[] =>
  Object.entries(now)
    .filter(([name, count]) => count > (before[name] ?? 0))
    .map(([name, count]) => `${name}: ${count}, and ${before[name] ?? 0} before`)
