/** How many certificates one identity gets: a whole deployment that restarts at once, then a steady renewal of short lives. */
const BURST_COUNT = 100
const SIGNS_PER_SECOND = 20
/** Identities that are counted at once; beyond, the ones that asked longest ago are forgotten. */
const IDENTITY_COUNT = 10_000

interface Bucket {
  tokens: number
  atMs: number
}

/** A token bucket for each identity, so that one workload that asks in a loop does not use up the authority. */
export class SignLimit {
  readonly #buckets = new Map<string, Bucket>()

  /** Takes one signature for `identity` at `nowMs` (monotonic); false: the limit is reached. */
  take(identity: string, nowMs: number): boolean {
    const known = this.#buckets.get(identity)
    const bucket = known ?? { tokens: BURST_COUNT, atMs: nowMs }
    bucket.tokens = Math.min(BURST_COUNT, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * SIGNS_PER_SECOND)
    bucket.atMs = nowMs
    // a Map keeps the order of insertion, so the first is the one that asked longest ago
    this.#buckets.delete(identity)
    this.#buckets.set(identity, bucket)
    if (this.#buckets.size > IDENTITY_COUNT) {
      const oldest = this.#buckets.keys().next()
      if (oldest.done !== true) this.#buckets.delete(oldest.value)
    }
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
}
