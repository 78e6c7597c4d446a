import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** A pair of proxies in two processes with mutual TLS between them, ready to carry requests. */
export interface Contestant {
  readonly name: string
  /** Version as the program says it. */
  readonly version: string
  /** Where load goes in, `http://127.0.0.1:PORT/`. */
  readonly url: string
  /** The proxies' own process ids, for memory figures. */
  readonly pids: readonly number[]
  stop(): Promise<void>
}

/** What a contestant needs: ports, a backend, certificates, a folder for its files, and the core that its proxies share. */
export interface Stage {
  readonly directory: string
  readonly backendPort: number
  readonly core: number
  readonly caFile: string
  /** Certificate and key, separately and as one file. */
  readonly certFile: string
  readonly keyFile: string
  readonly pemFile: string
}

/** Starts `command` pinned to one core; its output goes to this process's stderr only when it fails. */
export function startPinned(
  core: number,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  const child = spawn('taskset', ['-c', String(core), command, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(`${command} ended with ${code}:\n${output}\n`)
  })
  return child
}

/** Ends a child that this process started, and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await once(child, 'exit')
  clearTimeout(timer)
}

/** Resolves when something accepts connections on the port; rejects after 15 s. */
export async function accepting(port: number): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing listens on port ${port} after 15 s`)
}

/** Resident memory of a process in MiB; 0 where it cannot be read. */
export function residentMib(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
