import { type ChildProcess, spawn } from 'node:child_process'
import { GUARD_FILE } from '../installation.ts'

/**
 * Sees to it that programs do not outlive this process even where it can do nothing about it itself: `kill -9`, or the
 * kernel's want of memory. A second process hears of them through a pipe, whose end says that we are gone.
 */
export class ProgramGuard {
  readonly #guard: ChildProcess

  constructor() {
    this.#guard = spawn(process.execPath, [GUARD_FILE], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
    this.#guard.on('error', () => undefined) // then there is no guard, and what ends in order ends as ever
    this.#guard.stdin?.on('error', () => undefined)
    this.#guard.unref()
  }

  /** A program began; `pid` is the leader of its group. */
  add(pid: number): void {
    this.#guard.stdin?.write(`+${pid}\n`)
  }

  /** It ended. */
  remove(pid: number): void {
    this.#guard.stdin?.write(`-${pid}\n`)
  }

  /** All programs have ended. */
  close(): void {
    this.#guard.stdin?.end()
  }
}
