import type { Clock, Timer } from '../../../sidecar/core/clock.ts'
import type { Lock } from '../registry.ts'

/** How a lock reaches the file. A lock that can't be renewed for its time to live is lost. */
export interface LockKeeper {
  /** True: renewed until then. False: another's. Undefined: the file can't be reached now. */
  renew(key: string, token: number): boolean | undefined
  release(key: string, token: number): void
}

/** A lock held through the file. Renews itself at a third of its time to live. */
export class EmbeddedLock implements Lock {
  readonly key: string
  readonly fencingToken: number
  readonly #keeper: LockKeeper
  readonly #clock: Clock
  readonly #ttlMs: number
  readonly #lost = new AbortController()
  #renewedAtMs: number
  #timer: Timer | undefined

  constructor(key: string, fencingToken: number, seams: { keeper: LockKeeper; clock: Clock; ttlMs: number }) {
    this.key = key
    this.fencingToken = fencingToken
    this.#keeper = seams.keeper
    this.#clock = seams.clock
    this.#ttlMs = seams.ttlMs
    this.#renewedAtMs = this.#clock.nowMs()
    this.#arm()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async release(): Promise<void> {
    if (this.lost.aborted) return
    this.lose()
    this.#keeper.release(this.key, this.fencingToken)
  }

  /** The lock is another's, or the registry closes. */
  lose(): void {
    this.#timer?.cancel()
    this.#lost.abort()
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#ttlMs / 3, () => this.#renew(), { background: true })
  }

  #renew(): void {
    const nowMs = this.#clock.nowMs()
    const renewed = this.#keeper.renew(this.key, this.fencingToken)
    if (renewed === true) this.#renewedAtMs = nowMs
    // Renewed by this process, but only after its time: another may have held it in between, had the row not been ours still.
    if (renewed === false || nowMs - this.#renewedAtMs >= this.#ttlMs) this.lose()
    else this.#arm()
  }
}
