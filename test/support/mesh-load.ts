import { pause } from './eventually.ts'
import type { Answer } from './mesh-call.ts'

/** Traffic in which nothing went well for so long stands. */
const STANDS_AFTER_MS = 30_000

/** One request that did not go well. */
export interface LoadFailure {
  readonly atMs: number
  readonly what: string
}

/** Constant traffic, as callers feel it. */
export class MeshLoad implements AsyncDisposable {
  /** Requests that were answered well. */
  goodCount = 0
  readonly failures: LoadFailure[] = []
  readonly #startMs = performance.now()
  readonly #loops: readonly Promise<void>[]
  #isOn = true

  private constructor(call: (sequence: number) => Promise<Answer>, loops: number, pauseMs: number) {
    let sequence = 0
    this.#loops = Array.from({ length: loops }, async () => {
      while (this.#isOn) {
        try {
          const { status, text } = await call(sequence++)
          if (status === 200) this.goodCount++
          else this.#fail(`${status} ${text.trim()}`)
        } catch (error) {
          this.#fail(`${error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : error}`)
          // what fails at once must not keep everything else from running
          await pause(1)
        }
        if (pauseMs > 0) await pause(pauseMs)
      }
    })
  }

  /** As many loops as wanted, each with one request after the other; `pauseMs` between them. */
  static start(call: (sequence: number) => Promise<Answer>, loops: number, pauseMs = 0): MeshLoad {
    return new MeshLoad(call, loops, pauseMs)
  }

  /** Resolves when `count` more requests went well, however long that takes; rejects when none did for 30 seconds. */
  async good(count: number): Promise<void> {
    const wanted = this.goodCount + count
    let last = this.goodCount
    let lastMs = performance.now()
    while (this.goodCount < wanted) {
      if (this.goodCount !== last) lastMs = performance.now()
      last = this.goodCount
      if (performance.now() - lastMs > STANDS_AFTER_MS)
        throw new Error(`traffic stands: ${JSON.stringify(this.failures.slice(-3))}`)
      await pause(5)
    }
  }

  /** Ends the traffic; resolves when the last answer is there. */
  async stop(): Promise<void> {
    this.#isOn = false
    await Promise.all(this.#loops)
  }

  /** Traffic that a failed test left behind must not keep the process. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #fail(what: string): void {
    this.failures.push({ atMs: Math.round(performance.now() - this.#startMs), what })
  }
}
