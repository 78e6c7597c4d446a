import { Agent, get } from 'node:http'

/** What a second, or the whole run, looked like. */
export interface LoadCounts {
  readonly requests: number
  readonly failures: number
  /** Answers by version of the inventory behind them. */
  readonly split: { readonly v1: number; readonly v2: number }
  /** Answers by replica of orders. */
  readonly replicas: Readonly<Record<string, number>>
  readonly latenciesMs: readonly number[]
}

/** An answer that nobody planned. */
export interface LoadFailure {
  readonly atSeconds: number
  readonly status: number
  readonly detail: string
}

const MAX_IN_FLIGHT = 32
const TIMEOUT_MS = 10_000
const KEPT_FAILURES = 20
const KEPT_LATENCIES = 50_000

/** Shoppers who ask for the page at a steady rate, each waiting for the answer. Nothing is repeated here: what fails, failed. */
export class Load {
  readonly failures: LoadFailure[] = []
  readonly #url: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_IN_FLIGHT })
  readonly #startedMs = performance.now()
  readonly #timer: NodeJS.Timeout
  #inFlight = 0
  #requests = 0
  #failed = 0
  #split = { v1: 0, v2: 0 }
  #replicas: Record<string, number> = {}
  #latenciesMs: number[] = []

  constructor(url: string, perSecond: number) {
    this.#url = url
    this.#timer = setInterval(() => {
      if (this.#inFlight < MAX_IN_FLIGHT) void this.#one()
    }, 1_000 / perSecond)
  }

  /** Everything so far. */
  get counts(): LoadCounts {
    const { v1, v2 } = this.#split
    return {
      requests: this.#requests,
      failures: this.#failed,
      split: { v1, v2 },
      replicas: { ...this.#replicas },
      latenciesMs: this.#latenciesMs,
    }
  }

  /** No new requests; resolves when those under way have ended. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    while (this.#inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    this.#agent.destroy()
  }

  async #one(): Promise<void> {
    this.#inFlight++
    const startMs = performance.now()
    const { status, body } = await fetchWith(this.#agent, this.#url)
    if (this.#latenciesMs.length < KEPT_LATENCIES) this.#latenciesMs.push(performance.now() - startMs)
    this.#inFlight--
    this.#requests++
    const orders = status === 200 ? readPage(body) : undefined
    if (orders === undefined) this.#fail(startMs, status, body)
    else {
      this.#split[orders.inventory]++
      this.#replicas[orders.replica] = (this.#replicas[orders.replica] ?? 0) + 1
    }
  }

  #fail(startMs: number, status: number, detail: string): void {
    this.#failed++
    if (this.failures.length >= KEPT_FAILURES) return
    this.failures.push({ atSeconds: (startMs - this.#startedMs) / 1_000, status, detail: detail.trim().slice(0, 300) })
  }
}

/** What happened between two readings of the same load. */
export function between(before: LoadCounts, after: LoadCounts): LoadCounts {
  const replicas: Record<string, number> = {}
  for (const [name, count] of Object.entries(after.replicas)) replicas[name] = count - (before.replicas[name] ?? 0)
  return {
    requests: after.requests - before.requests,
    failures: after.failures - before.failures,
    split: { v1: after.split.v1 - before.split.v1, v2: after.split.v2 - before.split.v2 },
    replicas,
    latenciesMs: after.latenciesMs.slice(before.latenciesMs.length),
  }
}

/** A reading that a later one can be compared with: the list of latencies goes on growing. */
export const freeze = (counts: LoadCounts): LoadCounts => ({ ...counts, latenciesMs: counts.latenciesMs.slice() })

/** The value that a share `ratio` of the values does not exceed; 0 for none. */
export function percentile(values: readonly number[], ratio: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * ratio))] ?? 0
}

/** One GET. Status 0 means that no answer came; the body says why. */
export function fetchWith(agent: Agent, url: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve) => {
    const failed = (error: Error): void => resolve({ status: 0, body: String(error) })
    const sent = get(url, { agent, timeout: TIMEOUT_MS }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', failed)
    })
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    sent.on('error', failed)
  })
}

function readPage(body: string): { readonly inventory: 'v1' | 'v2'; readonly replica: string } | undefined {
  try {
    const { orders } = JSON.parse(body) as { orders?: { inventory?: unknown; replica?: unknown } }
    const { inventory, replica } = orders ?? {}
    return inventory === 'v1' || inventory === 'v2' ? { inventory, replica: String(replica) } : undefined
  } catch {
    return undefined
  }
}
