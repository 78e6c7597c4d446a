import type { Result } from '../../../certs/result.ts'
import { type BackoffPolicy, backoffMs } from '../../../sidecar/core/backoff.ts'
import { type Clock, sleep } from '../../../sidecar/core/clock.ts'
import type { Random } from '../../../sidecar/core/random.ts'
import type { BlockingSlots } from './blocking-slots.ts'
import type { ConsulAvailability } from './consul-availability.ts'
import type { Answer, Ask, ConsulFailure } from './consul-client.ts'
import { type PacePolicy, QueryPace } from './query-pace.ts'

const BACKOFF: BackoffPolicy = { baseMs: 250, maxMs: 10_000 }
/** The longest that Consul holds a query back; a fifth of it is jitter. */
const WAIT_MS = 30_000
/** Fast enough for a person who applies a policy; slow enough for a key that is written in a loop. */
const PACE: PacePolicy = { burstCount: 10, perSecond: 4 }
/** How soon a query without a slot is asked again; a quarter of it is jitter. */
const POLL_INTERVAL_MS = 2_000

/** What a loop needs from around it. */
export interface QuerySeams {
  readonly clock: Clock
  readonly random: Random
  readonly availability: Pick<ConsulAvailability, 'observe' | 'isUp'>
  /** Undefined: this loop may always wait for changes. */
  readonly slots: BlockingSlots | undefined
  /** Shared by all loops that have no slot. */
  readonly pollPace: QueryPace
}

/** Where a loop reports. */
export interface QueryObserver<T> {
  /** What Consul says; may be the same as before. */
  onAnswer(value: T): void
  onFailure(detail: string): void
}

/**
 * Asks the same question for ever: once from the leader for certain, then each time that something may have changed.
 *
 * Rules of https://developer.hashicorp.com/consul/api-docs/features/blocking: an index that goes backwards starts anew
 * (and what came with it is not believed: a server that has just started may not have read its log yet); an index of 0
 * counts as 1; there is a limit on how fast answers are asked for. After each failure it starts anew as well.
 */
export class QueryLoop<T> {
  readonly #query: (ask: Ask) => Promise<Result<Answer<T>, ConsulFailure>>
  readonly #observer: QueryObserver<T>
  readonly #seams: QuerySeams
  readonly #pace: QueryPace
  readonly #stopped = new AbortController()
  #interrupt = new AbortController()
  #index = 0
  #failures = 0
  #hasAnswer = false

  constructor(
    query: (ask: Ask) => Promise<Result<Answer<T>, ConsulFailure>>,
    observer: QueryObserver<T>,
    seams: QuerySeams,
  ) {
    this.#query = query
    this.#observer = observer
    this.#seams = seams
    this.#pace = new QueryPace(seams.clock, PACE)
    const unobserve = seams.availability.observe(() => this.#startAnew())
    this.#stopped.signal.addEventListener('abort', unobserve, { once: true })
    void this.#run()
  }

  stop(): void {
    this.#stopped.abort()
    this.#interrupt.abort()
    this.#seams.slots?.release(this)
  }

  /** Consul went away: a waiting query would wait in vain. It came back: no need to sit out the back-off. */
  #startAnew(): void {
    this.#index = 0
    this.#interrupt.abort()
    this.#interrupt = new AbortController()
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#sleep(this.#pace.take(), this.#stopped.signal)
      const isPoll = this.#seams.slots?.take(this) === false
      // The first answer is waited for by whoever starts; only so many queries are under way at once anyway.
      if (isPoll && this.#hasAnswer) await this.#sleep(this.#seams.pollPace.take(), this.#stopped.signal)
      const interrupt = this.#interrupt.signal
      const ask = this.#nextAsk(isPoll, interrupt)
      const answer = await this.#query(ask)
      if (this.#stopped.signal.aborted) return
      // Called off, or the answer was on its way while Consul went or came: neither is news.
      if (interrupt.aborted) continue
      if (!answer.ok || !answer.value.knowsLeader) await this.#onFailure(answer)
      else if (this.#accept(answer.value) && isPoll) {
        await this.#sleep(POLL_INTERVAL_MS * (0.75 + this.#seams.random() / 4), this.#interrupt.signal)
      }
    }
  }

  #nextAsk(isPoll: boolean, signal: AbortSignal): Ask {
    if (isPoll || this.#index === 0) return { kind: 'now' }
    return { kind: 'on-change', index: this.#index, waitMs: WAIT_MS * (0.8 + this.#seams.random() / 5), signal }
  }

  /** False: the index went backwards, and the answer is not believed. */
  #accept({ value, index }: Answer<T>): boolean {
    this.#failures = 0
    const next = Math.max(1, index)
    if (next < this.#index) {
      this.#index = 0
      return false
    }
    this.#index = next
    this.#hasAnswer = true
    this.#observer.onAnswer(value)
    return true
  }

  async #onFailure(answer: Result<Answer<T>, ConsulFailure>): Promise<void> {
    this.#index = 0
    this.#failures += 1
    this.#observer.onFailure(answer.ok ? 'Consul has no leader' : answer.error.detail)
    await this.#sleep(backoffMs(BACKOFF, this.#failures, this.#seams.random), this.#interrupt.signal)
  }

  #sleep(delayMs: number, signal: AbortSignal): Promise<void> {
    return delayMs === 0
      ? Promise.resolve()
      : sleep(this.#seams.clock, delayMs, AbortSignal.any([signal, this.#stopped.signal]))
  }
}
