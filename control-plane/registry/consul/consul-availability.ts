import type { Result } from '../../../certs/result.ts'
import type { Clock, Timer } from '../../../sidecar/core/clock.ts'
import type { Random } from '../../../sidecar/core/random.ts'

/** How often Consul is asked whether it is there, and how long it may take to answer. */
const PROBE_INTERVAL_MS = 2_000
export const PROBE_TIMEOUT_MS = 2_000
/** A probe that starts this much late means that this process itself stood still. */
const ASLEEP_MS = 1_000

/** Is told when Consul goes away (with the reason) and comes back. */
export type AvailabilityObserver = (isUp: boolean, detail: string) => void

/**
 * Whether Consul can be reached and has a leader, asked in small steps: a blocking query would only notice after its
 * wait that the other side is gone. Starts as up. Nothing that was known before an absence can have been renewed during
 * it, so the registry grants instances their time to live again, counted from `upSinceMs`.
 */
export class ConsulAvailability {
  readonly #probe: () => Promise<Result<string, { readonly detail: string }>>
  readonly #clock: Clock
  readonly #random: Random
  readonly #observers = new Set<AvailabilityObserver>()
  #upSinceMs: number | undefined
  #dueAtMs: number
  #timer: Timer | undefined
  #isStopped = false

  constructor(probe: () => Promise<Result<string, { readonly detail: string }>>, clock: Clock, random: Random) {
    this.#probe = probe
    this.#clock = clock
    this.#random = random
    this.#upSinceMs = clock.nowMs()
    this.#dueAtMs = clock.nowMs()
    this.#arm()
  }

  get isUp(): boolean {
    return this.#upSinceMs !== undefined
  }

  /** Since when Consul has been there without a break, on the monotonic clock; undefined while it is away. */
  get upSinceMs(): number | undefined {
    return this.#upSinceMs
  }

  /** Tells `observer` of each change until the returned function is called. */
  observe(observer: AvailabilityObserver): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#observers.clear()
  }

  #arm(): void {
    const delayMs = PROBE_INTERVAL_MS * (0.75 + this.#random() / 4)
    this.#dueAtMs = this.#clock.nowMs() + delayMs
    this.#timer = this.#clock.after(delayMs, () => void this.#look(), { background: true })
  }

  async #look(): Promise<void> {
    const wasAsleep = this.#clock.nowMs() - this.#dueAtMs > ASLEEP_MS
    const answer = await this.#probe()
    if (this.#isStopped) return
    const isUp = answer.ok && answer.value !== ''
    if (isUp && (wasAsleep || !this.isUp)) this.#comeBack()
    else if (!isUp && this.isUp) this.#goAway(answer.ok ? 'it has no leader' : answer.error.detail)
    this.#arm()
  }

  #comeBack(): void {
    this.#upSinceMs = this.#clock.nowMs()
    for (const observer of this.#observers) observer(true, 'Consul answers again')
  }

  #goAway(reason: string): void {
    this.#upSinceMs = undefined
    for (const observer of this.#observers) observer(false, reason)
  }
}
