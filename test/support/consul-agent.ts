import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { sleep, systemClock } from '../../sidecar/core/clock.ts'

/** How long an agent may take to elect itself leader. */
const READY_WITHIN_MS = 60_000

/** What differs between agents of tests. */
export interface ConsulAgentOptions {
  /** More of the agent's configuration, as its JSON wants it (ACLs, limits). */
  readonly config?: Readonly<Record<string, unknown>>
  /** Needed where the agent refuses anonymous requests: it waits for its leader with this token. */
  readonly token?: string
}

/** Whether `consul` is on PATH; where it is not, one line says what is skipped. */
export function isConsulInstalled(skipped: string): boolean {
  const isThere = spawnSync('consul', ['version'], { stdio: 'ignore' }).status === 0
  if (!isThere) process.stderr.write(`skipped: ${skipped}: "consul" is not on PATH\n`)
  return isThere
}

/** A real Consul server on loopback, alone, with its own ports and data directory. Disposing ends it and removes its data. */
export class ConsulAgent implements AsyncDisposable {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly #directory: string
  readonly #token: string | undefined
  #process: ChildProcess | undefined
  #output = ''

  /** Starts an agent and waits until it has a leader. Ports that somebody took meanwhile are chosen anew. */
  static async start(options: ConsulAgentOptions = {}): Promise<ConsulAgent> {
    for (let attempt = 1; ; attempt++) {
      const agent = new ConsulAgent(await freePorts(4), options)
      try {
        await agent.resume()
        return agent
      } catch (error) {
        await agent[Symbol.asyncDispose]()
        if (attempt === 3) throw error
      }
    }
  }

  private constructor(ports: readonly number[], { config, token }: ConsulAgentOptions) {
    const [http = 0, server = 0, serfLan = 0, serfWan = 0] = ports
    this.port = http
    this.#token = token
    this.#directory = mkdtempSync(join(tmpdir(), 'outrigger-consul-'))
    const all = {
      server: true,
      bootstrap_expect: 1,
      node_name: 'test',
      bind_addr: this.host,
      client_addr: this.host,
      data_dir: join(this.#directory, 'data'),
      ports: { http, server, serf_lan: serfLan, serf_wan: serfWan, dns: -1, grpc: -1, https: -1 },
      disable_update_check: true,
      log_level: 'warn',
      // A lone server elects itself in tens of milliseconds with these, as `-dev` does.
      performance: { raft_multiplier: 1 },
      ...config,
    }
    writeFileSync(join(this.#directory, 'agent.json'), JSON.stringify(all))
  }

  /** `consul://host:port`. */
  get url(): string {
    return `consul://${this.host}:${this.port}`
  }

  /** Ends the agent at once (SIGKILL); its data stays. */
  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Starts the agent again on the same ports and data, and waits for its leader. */
  async resume(): Promise<void> {
    assert(this.#process === undefined, 'the agent runs already')
    const child = spawn('consul', ['agent', '-config-file', join(this.#directory, 'agent.json')])
    // A test process that ends by an uncaught error must not leave its agent behind.
    const end = (): boolean => child.kill('SIGKILL')
    process.once('exit', end)
    child.once('exit', () => process.removeListener('exit', end))
    const keep = (text: Buffer): void => {
      this.#output = (this.#output + text.toString()).slice(-4_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    this.#process = child
    const startedMs = systemClock.nowMs()
    while (!(await this.#hasLeader())) {
      const isLate = systemClock.nowMs() - startedMs > READY_WITHIN_MS
      if (child.exitCode !== null || isLate) throw new Error(`consul did not become ready:\n${this.#output}`)
      await sleep(systemClock, 50)
    }
  }

  /** `stop` and `resume`. */
  async restart(): Promise<void> {
    await this.stop()
    await this.resume()
  }

  /** Lets the agent stand still (SIGSTOP): connections stay open and nobody answers. */
  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  /** Lets a paused agent go on (SIGCONT). */
  unpause(): void {
    this.#process?.kill('SIGCONT')
  }

  /** One request to the agent's API, for what a test needs beside the code under test. The path begins with `/v1`. */
  async call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: string }> {
    const answer = await fetch(`http://${this.host}:${this.port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(this.#token === undefined ? {} : { headers: { 'x-consul-token': this.#token } }),
    })
    return { status: answer.status, body: await answer.text() }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }

  /** A leader that serves consistent reads, not only one that is known. */
  async #hasLeader(): Promise<boolean> {
    try {
      const answer = await this.call('GET', '/v1/catalog/nodes?consistent')
      return answer.status === 200 && answer.body.includes('"Node":"test"')
    } catch {
      return false
    }
  }
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    assert(address !== null && typeof address === 'object')
    ports.push(address.port)
  }
  for (const server of servers) {
    server.close()
    await once(server, 'close')
  }
  return ports
}
