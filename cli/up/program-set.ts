import type { Clock } from '../../sidecar/core/clock.ts'
import type { Random } from '../../sidecar/core/random.ts'
import { ProgramGuard } from './program-guard.ts'
import { type Program, Supervised, type SupervisorEvents } from './supervisor.ts'

/** How long each kind of program may take to end. */
const GRACE_MS = 6_000

/** All programs of a mesh, in the order of their start. However this process ends, they do not outlive it. */
export class ProgramSet {
  readonly #clock: Clock
  readonly #random: Random
  readonly #events: SupervisorEvents
  readonly #guard = new ProgramGuard()
  readonly #programs = new Map<string, Supervised>()
  /** How each program ended that did so by itself: at the start that is a failure, later it is started again. */
  readonly #exits = new Map<string, string>()
  readonly #onProcessExit = (): void => {
    for (const program of this.#programs.values()) program.kill()
  }

  constructor(clock: Clock, random: Random, events: SupervisorEvents) {
    this.#clock = clock
    this.#random = random
    this.#events = events
    process.once('exit', this.#onProcessExit)
  }

  start(program: Program): void {
    const events: SupervisorEvents = {
      onLine: this.#events.onLine,
      onRestart: (ended, how, delayMs) => {
        this.#exits.set(ended.name, how)
        this.#events.onRestart(ended, how, delayMs)
      },
    }
    const supervised = new Supervised(program, this.#clock, this.#random, events, this.#guard)
    this.#programs.set(program.name, supervised)
  }

  find(name: string): Supervised | undefined {
    return this.#programs.get(name)
  }

  /** All process ids, by program. */
  get pids(): ReadonlyMap<string, number> {
    return new Map([...this.#programs].flatMap(([name, { pid }]) => (pid === undefined ? [] : [[name, pid] as const])))
  }

  /** A paragraph about a program that ended by itself so far; undefined when none did. */
  get failure(): string | undefined {
    for (const [name, how] of this.#exits) return `"${name}" ended at its start (${how}).${this.lastLines(name)}`
    return undefined
  }

  /** What a program printed last, indented, and where the rest is. */
  lastLines(name: string): string {
    const supervised = this.#programs.get(name)
    if (supervised === undefined) return ''
    const lines = supervised.lastLines.map((line) => `\n  ${line.slice(0, 400)}`).join('')
    return `${lines === '' ? ' It printed nothing.' : ` It said last:${lines}`}\n  (all of it: ${supervised.program.logFile})`
  }

  /** Ends the programs group by group: each group when the one before it has ended. */
  async stop(groups: readonly ((name: string) => boolean)[]): Promise<void> {
    for (const isInGroup of groups) {
      const group = [...this.#programs].filter(([name]) => isInGroup(name))
      await Promise.all(group.map(([, program]) => program.stop(GRACE_MS)))
    }
    process.removeListener('exit', this.#onProcessExit)
    this.#guard.close()
  }
}
