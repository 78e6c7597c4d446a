/** A rate with a burst: `count` at once, `perSecond` afterwards. Asks for the time only when something is taken. */
export class TokenBucket {
  readonly #count: number
  readonly #perMs: number
  #tokens: number
  #lastMs: number

  constructor(count: number, perSecond: number, nowMs: number) {
    this.#count = count
    this.#perMs = perSecond / 1_000
    this.#tokens = count
    this.#lastMs = nowMs
  }

  /** Takes one; false when there is none left. */
  take(nowMs: number): boolean {
    this.#tokens = Math.min(this.#count, this.#tokens + (nowMs - this.#lastMs) * this.#perMs)
    this.#lastMs = nowMs
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
