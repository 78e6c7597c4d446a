import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { backoffMs } from '../../sidecar/core/backoff.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
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
  onRestart(program: Program, exit: string, delayMs: number): void
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
  readonly #log: WriteStream
  #child: ChildProcess | undefined
  #isWanted = true
  #failures = 0
  #startedMs = 0
  #lines: string[] = []
  #onExit: (() => void) | undefined

  constructor(program: Program, clock: Clock, random: Random, events: SupervisorEvents) {
    this.program = program
    this.#clock = clock
    this.#random = random
    this.#events = events
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

  get restarts(): number {
    return this.#failures
  }

  /** Ends the process at once, as a crash would; it is started again after a while. */
  crash(): void {
    this.#child?.kill('SIGKILL')
  }

  /** Asks it to end; after `graceMs` it is ended. Not started again. */
  async stop(graceMs: number): Promise<void> {
    this.#isWanted = false
    const child = this.#child
    if (child === undefined) return this.#close()
    const exited = new Promise<void>((resolve) => {
      this.#onExit = resolve
    })
    child.kill('SIGTERM')
    const timer = this.#clock.after(graceMs, () => child.kill('SIGKILL'))
    await exited
    timer.cancel()
    this.#close()
  }

  #close(): void {
    this.#log.end()
  }

  #start(): void {
    if (!this.#isWanted) return
    const { command, args, env, directory } = this.program
    this.#startedMs = this.#clock.nowMs()
    const child = spawn(command, args, { cwd: directory, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => this.#keep(line))
    child.once('error', (error) => this.#ended(error.message))
    child.once('exit', (code, signal) => this.#ended(signal === null ? `exit code ${code}` : `signal ${signal}`))
  }

  #keep(line: string): void {
    this.#lines.push(line)
    if (this.#lines.length > LAST_LINES) this.#lines.shift()
    this.#log.write(`${line}\n`)
    this.#events.onLine(this.program, line)
  }

  #ended(how: string): void {
    if (this.#child === undefined) return
    this.#child = undefined
    this.#onExit?.()
    if (!this.#isWanted) return
    this.#failures = this.#clock.nowMs() - this.#startedMs > STABLE_MS ? 1 : this.#failures + 1
    const delayMs = RESTART.baseMs + backoffMs(RESTART, this.#failures, this.#random)
    this.#events.onRestart(this.program, how, delayMs)
    this.#clock.after(delayMs, () => this.#start())
  }
}
