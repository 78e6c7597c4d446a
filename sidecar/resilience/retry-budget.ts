/** What a budget goes by: a part of `TrafficSettings`. */
export interface RetryBudgetPolicy {
  /** Repeats allowed as a share of the exchanges that began in the window. */
  readonly ratio: number
  /** Repeats allowed in the window whatever the traffic: a service that is called seldom may still be tried again. */
  readonly minConcurrent: number
}

const BUCKET_COUNT = 10
const BUCKET_MS = 1_000

/**
 * How many repeats a service may still get: in any 10 seconds no more than `ratio` of the exchanges that began in them, and
 * `minConcurrent` besides, so that repeats cannot multiply the load of a service that fails (Finagle's RetryBudget).
 * Ten buckets of one second each; time enters as an argument, so that an idle budget costs nothing.
 */
export class RetryBudget {
  readonly #exchanges = new Array<number>(BUCKET_COUNT).fill(0)
  readonly #retries = new Array<number>(BUCKET_COUNT).fill(0)
  #exchangeCount = 0
  #retryCount = 0
  /** Number of the newest bucket since time began. */
  #newest = 0

  /** An exchange began. */
  onExchange(nowMs: number): void {
    const bucket = this.#turnTo(nowMs)
    this.#exchanges[bucket] = (this.#exchanges[bucket] ?? 0) + 1
    this.#exchangeCount++
  }

  /** A repeat was decided. */
  onRetry(nowMs: number): void {
    const bucket = this.#turnTo(nowMs)
    this.#retries[bucket] = (this.#retries[bucket] ?? 0) + 1
    this.#retryCount++
  }

  /** Whether one more repeat fits now. */
  mayRetry(policy: RetryBudgetPolicy, nowMs: number): boolean {
    this.#turnTo(nowMs)
    return this.#retryCount + 1 <= policy.ratio * this.#exchangeCount + policy.minConcurrent
  }

  /** Empties the buckets that time has passed over, and answers with the index of the newest. */
  #turnTo(nowMs: number): number {
    const number = Math.floor(nowMs / BUCKET_MS)
    const steps = Math.min(number - this.#newest, BUCKET_COUNT)
    for (let step = 1; step <= steps; step++) {
      const bucket = (number - steps + step) % BUCKET_COUNT
      this.#exchangeCount -= this.#exchanges[bucket] ?? 0
      this.#retryCount -= this.#retries[bucket] ?? 0
      this.#exchanges[bucket] = 0
      this.#retries[bucket] = 0
    }
    if (steps > 0) this.#newest = number
    return this.#newest % BUCKET_COUNT
  }
}
