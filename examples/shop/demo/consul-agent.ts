import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PortBlocks } from '../../../cli/up/free-port.ts'
import { fetchLocal } from '../../../cli/up/local-http.ts'
import { waitUntil } from '../../../cli/up/wait-until.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import type { Random } from '../../../sidecar/core/random.ts'

/** A Consul agent that runs. */
export interface ConsulAgent {
  /** `consul://HOST:PORT`. */
  readonly url: string
  stop(): Promise<void>
}

const START_MS = 20_000

/** Starts the `consul` of PATH as a server alone, on free ports of loopback, with its data in `directory`. Throws when it can't. */
export async function startConsul(directory: string, random: Random): Promise<ConsulAgent> {
  const version = spawnSync('consul', ['version'], { encoding: 'utf8' })
  if (version.status !== 0) {
    throw new Error(
      '"consul" is not on PATH. Install HashiCorp Consul, name a running one (REGISTRY=consul://HOST:PORT), or run without REGISTRY',
    )
  }
  const ports = new PortBlocks(random)
  const http = await ports.take()
  const file = join(directory, 'consul.json')
  const settings = {
    server: true,
    bootstrap_expect: 1,
    node_name: 'demo',
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    data_dir: join(directory, 'consul'),
    ports: {
      http,
      server: await ports.take(),
      serf_lan: await ports.take(),
      serf_wan: -1,
      dns: -1,
      grpc: -1,
      https: -1,
    },
    disable_update_check: true,
    log_level: 'warn',
    performance: { raft_multiplier: 1 },
  }
  writeFileSync(file, JSON.stringify(settings))
  const child = spawn('consul', ['agent', '-config-file', file], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  const end = (): boolean => child.kill('SIGKILL')
  process.once('exit', end)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2_000)
    })
  }
  const stop = async (): Promise<void> => {
    process.removeListener('exit', end)
    ports[Symbol.dispose]()
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL') // its data is thrown away
    await exited
  }
  const ready = await waitUntil(systemClock, START_MS, async () => {
    if (child.exitCode !== null) return 'it ended'
    const nodes = await fetchLocal(`http://127.0.0.1:${http}/v1/catalog/nodes?consistent`)
    return nodes?.status === 200 && nodes.body.includes('"demo"') ? undefined : 'it has no leader'
  })
  if (ready.ok) return { url: `consul://127.0.0.1:${http}`, stop }
  await stop()
  throw new Error(`Consul does not start: ${ready.error}\n${output.trim()}`)
}

/** Removes what a mesh left in the Consul of somebody else. Silent when it can't: nothing depends on it. */
export async function forgetMesh(registryUrl: string, mesh: string): Promise<void> {
  const { host } = new URL(registryUrl)
  await fetch(`http://${host}/v1/kv/outrigger/${mesh}/?recurse`, { method: 'DELETE' }).catch(() => undefined)
}
