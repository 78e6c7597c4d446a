/**
 * Requests at fixed times, whatever the answers do: a request that finds no free connection waits, and its latency runs
 * from the time when it should have been sent, not from when it was. So a server that stands still is seen by all who
 * would have come meanwhile, and not by one request alone ("coordinated omission").
 * Pure: times come in, in milliseconds from the start.
 */
export class OpenLoop {
  /** Milliseconds from when each request should have been sent to its answer; NaN where there is none yet. */
  readonly latenciesMs: Float64Array
  /** Milliseconds from when each request should have been sent to when it was. */
  readonly latenessMs: Float64Array
  readonly #intervalMs: number
  /** Connections without a request on them. */
  readonly #free: number[]
  /** The request that each connection carries. */
  readonly #carried: number[]
  #next = 0
  #answered = 0

  constructor(count: number, requestsPerSecond: number, connections: number) {
    this.latenciesMs = new Float64Array(count).fill(Number.NaN)
    this.latenessMs = new Float64Array(count).fill(Number.NaN)
    this.#intervalMs = 1_000 / requestsPerSecond
    this.#free = Array.from({ length: connections }, (_, at) => connections - 1 - at)
    this.#carried = Array.from({ length: connections }, () => -1)
  }

  /** The connection that a request is to be sent on now; undefined when none is due, or all are taken. */
  send(nowMs: number): number | undefined {
    const dueMs = this.#next * this.#intervalMs
    if (this.#next === this.latenciesMs.length || nowMs < dueMs) return undefined
    const connection = this.#free.pop()
    if (connection === undefined) return undefined
    this.latenessMs[this.#next] = nowMs - dueMs
    this.#carried[connection] = this.#next++
    return connection
  }

  /** The answer on a connection is complete. A connection that carries nothing is our own mistake. */
  onAnswer(connection: number, nowMs: number): void {
    const request = this.#carried[connection] ?? -1
    if (request < 0) throw new Error(`connection ${connection} has an answer and no request`)
    this.latenciesMs[request] = nowMs - request * this.#intervalMs
    this.#carried[connection] = -1
    this.#free.push(connection)
    this.#answered++
  }

  /** Whether every request has its answer. */
  get isDone(): boolean {
    return this.#answered === this.latenciesMs.length
  }
}

/** The value that a share of all are not above, by nearest rank; those that are not a number are above everything. */
export function percentile(values: Float64Array, share: number): number {
  const sorted = values.map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value)).sort()
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
