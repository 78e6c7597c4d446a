import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually.ts'

/** Path of a server's program, undefined when it is not installed. */
export function findProgram(...names: readonly string[]): string | undefined {
  for (const name of names) {
    const { status, stdout } = spawnSync('sh', ['-c', 'command -v -- "$0"', name], { encoding: 'utf8' })
    if (status === 0) return stdout.trim()
  }
  return undefined
}

/** A server of somebody else on loopback, with a folder of its own. Disposing ends it and removes the folder. */
export class ServerProcess implements AsyncDisposable {
  readonly directory: string
  readonly port: number
  readonly #child: ChildProcess

  private constructor(directory: string, port: number, child: ChildProcess) {
    this.directory = directory
    this.port = port
    this.#child = child
  }

  /**
   * Writes `server.conf` and starts the server in the foreground; resolves when it accepts. A port that somebody took
   * meanwhile is chosen anew.
   */
  static async start(
    program: string,
    args: (file: string, directory: string) => readonly string[],
    config: (port: number, directory: string) => string,
  ): Promise<ServerProcess> {
    for (let attempt = 1; ; attempt++) {
      const directory = mkdtempSync(join(tmpdir(), 'outrigger-differential-'))
      chmodSync(directory, 0o755) // some give up being root, and have a socket in it
      const port = await freePort()
      const file = join(directory, 'server.conf')
      writeFileSync(file, config(port, directory))
      const output = openSync(join(directory, 'output'), 'w')
      const child = spawn(program, args(file, directory), { stdio: ['ignore', output, output] })
      closeSync(output)
      await eventually(`${program} accepts`, async () => child.exitCode !== null || (await accepts(port)))
      if (child.exitCode === null) return new ServerProcess(directory, port, child)
      const said = readFileSync(join(directory, 'output'), 'utf8')
      rmSync(directory, { recursive: true })
      if (attempt === 3) throw new Error(`${program} ended with ${child.exitCode}: ${said}`)
    }
  }

  /** Ends the server; what it logged is in its folder then. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await gone
  }

  /** Lines of a file in its folder. */
  lines(name: string): string[] {
    return readFileSync(join(this.directory, name), 'latin1').split('\n').filter(Boolean)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}
