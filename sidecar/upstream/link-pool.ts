import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { EndpointLinks } from './endpoint-links.ts'
import type { DialLink, LinkAttempt, LinkTarget } from './link.ts'
import { POOL_ENDS } from './pool-end.ts'

/** How long links to an endpoint that nobody talks to are kept. */
const IDLE_LINK_MS = 300_000

/** The mesh links of a sidecar, by endpoint. Links are made when traffic first wants them. */
export class LinkPool {
  readonly #dial: DialLink
  readonly #clock: Clock
  readonly #byEndpoint = new Map<string, EndpointLinks>()
  /** Links to where endpoints were before: they end by themselves. */
  readonly #former = new Set<EndpointLinks>()
  #isDestroyed = false

  constructor(dial: DialLink, clock: Clock) {
    this.#dial = dial
    this.#clock = clock
  }

  /** Sends a try to an endpoint: `onStream` at once where a link stands, else when one is made. */
  open(
    endpoint: LinkTarget,
    attempt: LinkAttempt,
    connectTimeoutMs: number,
    maxLinks: number,
    maxPending: number = LIMITS.pendingPerEndpointCount,
  ): void {
    if (this.#isDestroyed) return attempt.onResponseError(POOL_ENDS)
    let links = this.#byEndpoint.get(endpoint.id)
    if (links === undefined || !links.leadsTo(endpoint)) {
      if (links !== undefined) this.#dismiss(links)
      links = new EndpointLinks(endpoint, this.#dial, this.#clock)
      this.#byEndpoint.set(endpoint.id, links)
    }
    links.open(attempt, connectTimeoutMs, maxLinks, maxPending)
  }

  /** Streams that one link to the endpoint allows at once; undefined while none stands. */
  streamLimitOf({ id }: LinkTarget): number | undefined {
    return this.#byEndpoint.get(id)?.streamLimit
  }

  /** Forgets a try that still waits. */
  abandon(endpoint: LinkTarget, attempt: LinkAttempt): void {
    if (this.#byEndpoint.get(endpoint.id)?.abandon(attempt) === true) return
    for (const links of this.#former) if (links.abandon(attempt)) return
  }

  /** Our certificate changed: every link is made anew, none is cut. */
  renewAll(): void {
    for (const links of this.#byEndpoint.values()) links.renew()
  }

  /** Lets go of endpoints that are gone, and of those idle for long. Streams in flight finish. */
  retain(endpointIds: ReadonlySet<string>): void {
    const nowMs = this.#clock.nowMs()
    for (const [id, links] of this.#byEndpoint) {
      const isIdle = links.openStreamCount === 0 && nowMs - links.lastUsedMs > IDLE_LINK_MS
      if (endpointIds.has(id) && !isIdle) continue
      this.#byEndpoint.delete(id)
      this.#dismiss(links)
    }
    for (const links of this.#former) if (links.isOver) this.#former.delete(links)
  }

  /** For gauges. */
  get counts(): { readonly links: number; readonly streams: number } {
    let linkCount = 0
    let streamCount = 0
    for (const links of [...this.#byEndpoint.values(), ...this.#former]) {
      linkCount += links.linkCount
      streamCount += links.openStreamCount
    }
    return { links: linkCount, streams: streamCount }
  }

  /** Ends everything now. */
  destroy(): void {
    this.#isDestroyed = true
    for (const links of [...this.#byEndpoint.values(), ...this.#former]) links.destroy()
    this.#byEndpoint.clear()
    this.#former.clear()
  }

  #dismiss(links: EndpointLinks): void {
    links.close()
    if (!links.isOver) this.#former.add(links)
  }
}
