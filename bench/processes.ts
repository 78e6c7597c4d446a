import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'

/** A program with its arguments. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
}

const STOP_TIMEOUT_MS = 5_000
const ACCEPT_ATTEMPTS = 150
/** `USER_HZ`, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** Starts a program pinned to one core; its last output goes to this process's stderr only when it fails. */
export function startPinned(core: number, { program, args }: Command): ChildProcess {
  const child = spawn('taskset', ['-c', String(core), program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4_000)
  }
  child.stdout?.on('data', keep)
  child.stderr?.on('data', keep)
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(`${program} ended with ${code}:\n${output}\n`)
  })
  return child
}

/** Ends a child that this process started, and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await once(child, 'exit')
  clearTimeout(timer)
}

/** What a program prints of its version: the first group of the pattern; undefined where it cannot be run. */
export function printedVersion(program: string, args: readonly string[], pattern: RegExp): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return error === undefined ? pattern.exec(`${stdout}${stderr}`)?.[1] : undefined
}

/** Ports on loopback that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map(portOf)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** The port that a server listens on. */
export function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server does not listen on a port')
  return address.port
}

/** Resolves when something accepts connections on the port; rejects after 15 s. */
export async function accepting(port: number): Promise<void> {
  for (let attempt = 0; attempt < ACCEPT_ATTEMPTS; attempt++) {
    if (await accepts(port)) return
    await pause(100)
  }
  throw new Error(`nothing listens on port ${port} after ${ACCEPT_ATTEMPTS / 10} s`)
}

/** Whether something accepts a connection on the port now. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

/** Resolves after a time. */
export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A process and all that it started: nginx and nghttpx are a master and a worker. */
export function processTree(root: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    const stat = /^\d+$/.test(entry) ? statFields(Number(entry)) : undefined
    if (stat !== undefined) parents.set(Number(entry), Number(stat[1]))
  }
  const tree = [root]
  for (const pid of tree) for (const [child, parent] of parents) if (parent === pid) tree.push(child)
  return tree
}

/** CPU time of processes since their start, user and system, in seconds. Source: proc_pid_stat(5), utime and stime. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const stat = statFields(pid)
    ticks += Number(stat?.[11] ?? 0) + Number(stat?.[12] ?? 0)
  }
  return ticks / TICKS_PER_SECOND
}

/** Resident memory of processes in octets, now (`VmRSS`) or at its highest (`VmHWM`); 0 where it cannot be read. */
export function memoryBytes(pids: readonly number[], which: 'VmRSS' | 'VmHWM'): number {
  return pids.reduce((sum, pid) => sum + Number(statusField(pid, which)?.split(' ')[0] ?? 0) * 1024, 0)
}

/** The same in MiB. */
export const memoryMib = (pids: readonly number[], which: 'VmRSS' | 'VmHWM'): number =>
  memoryBytes(pids, which) / 2 ** 20

function statusField(pid: number, name: string): string | undefined {
  try {
    return new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  } catch {
    return undefined
  }
}

/** Fields of `/proc/PID/stat` after the name, which may hold spaces: [0] is the state, [1] the parent. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
  } catch {
    return undefined
  }
}
