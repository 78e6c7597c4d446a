import type { Clock, Timer } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import type { LiveSpan } from './live-span.ts'

/**
 * A batch is described and serialized in one go, and no request moves meanwhile: 512 spans, as many as the SDK's own
 * processor takes, made a p99 of 10 ms one of 30, and held 50 MB.
 */
export const BATCH_SPANS = 32
const BATCH_DELAY_MS = 1_000

/** Ended spans on their way out: in batches, one after the other, the last one a second after its first span at most. */
export class SpanBatches {
  readonly #send: (spans: readonly LiveSpan[]) => Promise<void>
  readonly #clock: Clock
  readonly #onFull: () => void
  #waiting: LiveSpan[] = []
  #timer: Timer | undefined
  #sending: Promise<void> | undefined

  /**
   * @param send resolves when the batch is gone, in whichever way; never rejects
   * @param onFull hears of a span that found `LIMITS.spanQueueCount` waiting, and is dropped
   */
  constructor(send: (spans: readonly LiveSpan[]) => Promise<void>, clock: Clock, onFull: () => void) {
    this.#send = send
    this.#clock = clock
    this.#onFull = onFull
  }

  add(span: LiveSpan): void {
    if (this.#waiting.length >= LIMITS.spanQueueCount) {
      this.#onFull()
      return
    }
    this.#waiting.push(span)
    if (this.#waiting.length >= BATCH_SPANS) void this.flush()
    else this.#timer ??= this.#clock.after(BATCH_DELAY_MS, () => void this.flush(), { background: true })
  }

  /** Sends what waits now; resolves when all of it is gone. */
  flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, BATCH_SPANS))
  }
}
