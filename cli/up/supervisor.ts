import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { backoffMs } from '../../sidecar/core/backoff.ts'
import type { Clock, Timer } from '../../sidecar/core/clock.ts'
import type { Random } from '../../sidecar/core/random.ts'

/** A program to keep running. */
export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly directory: string
  readonly logFile: string
}

/** What a supervisor tells. */
export interface SupervisorEvents {
  onLine(program: Program, line: string): void
  /** It ended by itself, and is started again after `delayMs`. */
  onRestart(program: Program, exit: string, delayMs: number): void
}

/** Hears of every process that begins and ends: leaders of groups, by process id. */
export interface ProcessList {
  add(pid: number): void
  remove(pid: number): void
}

const RESTART = { baseMs: 500, maxMs: 10_000 }
/** A program that ran this long has started: its next failure begins the back-off anew. */
const STABLE_MS = 10_000
const LAST_LINES = 20

/** Runs one program, keeps its output, and starts it again when it ends by itself. */
export class Supervised {
  readonly program: Program
  readonly #clock: Clock
  readonly #random: Random
  readonly #events: SupervisorEvents
  readonly #processes: ProcessList
  readonly #log: WriteStream
  #child: ChildProcess | undefined
  #restart: Timer | undefined
  #isWanted = true
  #failures = 0
  #startedMs = 0
  #awayMs = 0
  readonly #lines: string[] = []
  #onExit: (() => void)[] = []

  constructor(program: Program, clock: Clock, random: Random, events: SupervisorEvents, processes: ProcessList) {
    this.program = program
    this.#clock = clock
    this.#random = random
    this.#events = events
    this.#processes = processes
    mkdirSync(dirname(program.logFile), { recursive: true, mode: 0o700 })
    this.#log = createWriteStream(program.logFile, { flags: 'a', mode: 0o600 })
    this.#log.on('error', () => undefined) // a full disk must not end the mesh
    this.#start()
  }

  /** Process id, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** What it printed last, for messages. */
  get lastLines(): readonly string[] {
    return this.#lines
  }

  /** Whether one of the last lines holds the text. */
  hasSaid(text: string): boolean {
    return this.#lines.some((line) => line.includes(text))
  }

  /** Ends the process at once, as a crash would. It is started again by itself, after `awayMs` at the earliest. */
  crash(awayMs = 0): void {
    this.#awayMs = awayMs
    this.#signal('SIGKILL')
  }

  /** Ends the process at once, for good. Safe where nothing can be waited for. */
  kill(): void {
    this.#isWanted = false
    this.#restart?.cancel()
    this.#signal('SIGKILL')
  }

  /** Asks it to end; after `graceMs` it is ended. Not started again. */
  async stop(graceMs: number): Promise<void> {
    this.#isWanted = false
    this.#restart?.cancel()
    await this.#end(graceMs)
    this.#log.end()
  }

  /** Asks it to end, and starts it again at once. */
  async restart(graceMs: number): Promise<void> {
    this.#isWanted = false
    this.#restart?.cancel()
    await this.#end(graceMs)
    this.#isWanted = true
    this.#start()
  }

  async #end(graceMs: number): Promise<void> {
    if (this.#child === undefined) return
    const exited = new Promise<void>((resolve) => this.#onExit.push(resolve))
    this.#signal('SIGTERM')
    const timer = this.#clock.after(graceMs, () => this.#signal('SIGKILL'))
    await exited
    timer.cancel()
  }

  /** A program is the leader of its own group: what it started ends with it, and ctrl-c in the terminal is for us alone. */
  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, signal)
    } catch {
      this.#child?.kill(signal)
    }
  }

  #start(): void {
    if (!this.#isWanted) return
    const { command, args, env, directory } = this.program
    this.#startedMs = this.#clock.nowMs()
    const child = spawn(command, args, {
      cwd: directory,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    this.#child = child
    if (child.pid !== undefined) this.#processes.add(child.pid)
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#keep(line))
    }
    child.once('error', (error) => this.#ended(child, error.message))
    child.once('exit', (code, signal) => this.#ended(child, signal === null ? `exit code ${code}` : `signal ${signal}`))
  }

  #keep(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > LAST_LINES) this.#lines.shift()
    if (!this.#log.writableEnded) this.#log.write(`${line}\n`)
    this.#events.onLine(this.program, line)
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child !== child) return
    this.#child = undefined
    if (child.pid !== undefined) this.#processes.remove(child.pid)
    for (const resolve of this.#onExit.splice(0)) resolve()
    if (!this.#isWanted) return
    this.#failures = this.#clock.nowMs() - this.#startedMs > STABLE_MS ? 1 : this.#failures + 1
    const delayMs = Math.max(this.#awayMs, RESTART.baseMs + backoffMs(RESTART, this.#failures, this.#random))
    this.#awayMs = 0
    this.#events.onRestart(this.program, how, delayMs)
    this.#restart = this.#clock.after(delayMs, () => this.#start())
  }
}
