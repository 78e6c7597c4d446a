import type { Endpoint } from '../config/resources.ts'
import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { Fields, RequestHead } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { Attempt } from '../pipeline/lane.ts'

/** One mesh link, as the pool uses it: an HTTP/2 client connection over mutual TLS. */
export interface Link {
  readonly canOpenStream: boolean
  readonly openStreamCount: number
  readonly isClosed: boolean
  request(head: RequestHead, end: boolean, sink: ResponseSink, extra: Fields): UpstreamStream | undefined
  /** No new streams; closes when the last one has ended. */
  retire(): void
  destroy(): void
}

/** Hears of one dial, exactly once; afterwards of the link's capacity and end. */
export interface DialListener {
  onLink(link: Link): void
  onDialFailed(error: MeshError): void
  /** A stream ended, or the peer raised its limits: waiting tries may go. */
  onCapacity(link: Link): void
  /** The link is closed, or closing: it takes no more streams. */
  onGone(link: Link): void
}

/** Makes one link to an endpoint, and proves who is at the other end. */
export type DialLink = (endpoint: Endpoint, timeoutMs: number, listener: DialListener) => void

/** The sink and head of a try. */
export type LinkAttempt = Attempt & ResponseSink

/**
 * Mesh links to one endpoint: one, and more only when its streams run out. Tries that find no room wait in order; a
 * failed dial fails all that wait, for they would wait for the same.
 */
class EndpointLinks implements DialListener {
  readonly #endpoint: Endpoint
  readonly #dial: DialLink
  readonly #clock: Clock
  readonly #links: Link[] = []
  readonly #waiting: Set<LinkAttempt> = new Set()
  #isDialing = false
  /** The dial under way began with a certificate that has been replaced since. */
  #isDialStale = false
  /** Links with a certificate that has been replaced: they finish, and serve until a new one stands. */
  readonly #retiring: Link[] = []
  #maxLinks = 1
  #connectTimeoutMs = 1_000
  lastUsedMs: number

  constructor(endpoint: Endpoint, dial: DialLink, clock: Clock) {
    this.#endpoint = endpoint
    this.#dial = dial
    this.#clock = clock
    this.lastUsedMs = clock.nowMs()
  }

  /** Whether `endpoint` is still reached where these links lead to. */
  leadsTo(endpoint: Endpoint): boolean {
    const mine = this.#endpoint
    return (
      mine === endpoint ||
      (mine.address === endpoint.address && mine.port === endpoint.port && mine.identity === endpoint.identity)
    )
  }

  get openStreamCount(): number {
    let count = 0
    for (const link of this.#links) count += link.openStreamCount
    for (const link of this.#retiring) count += link.openStreamCount
    return count
  }

  get linkCount(): number {
    return this.#links.length
  }

  open(attempt: LinkAttempt, connectTimeoutMs: number, maxLinks: number, maxPending: number): void {
    this.lastUsedMs = this.#clock.nowMs()
    this.#maxLinks = maxLinks
    this.#connectTimeoutMs = connectTimeoutMs
    if (this.#waiting.size === 0 && this.#start(attempt)) return
    if (this.#waiting.size >= maxPending) {
      const detail = `${this.#waiting.size} requests already wait for a connection to ${this.#endpoint.id}`
      return attempt.onResponseError(meshError('circuit-open', detail))
    }
    this.#waiting.add(attempt)
    this.#grow()
  }

  abandon(attempt: LinkAttempt): void {
    this.#waiting.delete(attempt)
  }

  /**
   * Makes new links and lets the old ones finish what they carry: our certificate changed. The old ones serve until the
   * first new one stands, so that no request waits for a handshake.
   */
  renew(): void {
    this.#isDialStale = this.#isDialing
    if (this.#links.length === 0) return
    this.#retiring.push(...this.#links)
    this.#links.length = 0
    this.#grow()
  }

  close(): void {
    for (const link of [...this.#links, ...this.#retiring]) link.retire()
    this.#links.length = 0
    this.#retiring.length = 0
  }

  destroy(): void {
    for (const link of [...this.#links, ...this.#retiring]) link.destroy()
  }

  #start(attempt: LinkAttempt): boolean {
    for (const link of this.#links) if (link.canOpenStream && this.#startOn(link, attempt)) return true
    if (this.#links.length > 0) return false
    for (const link of this.#retiring) if (link.canOpenStream && this.#startOn(link, attempt)) return true
    return false
  }

  #startOn(link: Link, attempt: LinkAttempt): boolean {
    const stream = link.request(attempt.attemptHead, attempt.attemptEnd, attempt, attempt.attemptFields)
    if (stream === undefined) return false
    attempt.onStream(stream)
    return true
  }

  #grow(): void {
    if (this.#isDialing || (this.#links.length >= this.#maxLinks && this.#links.length > 0)) return
    this.#isDialing = true
    this.#dial(this.#endpoint, this.#connectTimeoutMs, this)
  }

  #serveWaiting(): void {
    for (const attempt of this.#waiting) {
      if (!this.#links.some((link) => link.canOpenStream)) break
      this.#waiting.delete(attempt)
      if (!this.#start(attempt)) {
        attempt.onResponseError(
          meshError('connect-failure', `the link to ${this.#endpoint.id} closed before the request was sent`),
        )
      }
    }
    if (this.#waiting.size > 0) this.#grow()
  }

  onLink(link: Link): void {
    this.#isDialing = false
    if (this.#isDialStale) {
      this.#isDialStale = false
      this.#retiring.push(link)
      return this.#grow()
    }
    this.#links.push(link)
    for (const old of this.#retiring.splice(0)) old.retire()
    this.#serveWaiting()
  }

  onDialFailed(error: MeshError): void {
    this.#isDialing = false
    const failed = [...this.#waiting]
    this.#waiting.clear()
    for (const attempt of failed) attempt.onResponseError(error)
  }

  onCapacity(): void {
    if (this.#waiting.size > 0) this.#serveWaiting()
  }

  onGone(link: Link): void {
    for (const list of [this.#links, this.#retiring]) {
      const at = list.indexOf(link)
      if (at >= 0) list.splice(at, 1)
    }
    if (this.#waiting.size > 0) this.#grow()
  }
}

/** How long links to an endpoint that nobody talks to are kept. */
const IDLE_LINK_MS = 300_000

/** The mesh links of a sidecar, by endpoint. Links are made when traffic first wants them. */
export class LinkPool {
  readonly #dial: DialLink
  readonly #clock: Clock
  readonly #byEndpoint = new Map<string, EndpointLinks>()

  constructor(dial: DialLink, clock: Clock) {
    this.#dial = dial
    this.#clock = clock
  }

  /** Sends a try to an endpoint: `onStream` at once where a link stands, else when one is made. */
  open(
    endpoint: Endpoint,
    attempt: LinkAttempt,
    connectTimeoutMs: number,
    maxLinks: number,
    maxPending: number = LIMITS.pendingPerEndpointCount,
  ): void {
    let links = this.#byEndpoint.get(endpoint.id)
    if (links === undefined || !links.leadsTo(endpoint)) {
      links?.close()
      links = new EndpointLinks(endpoint, this.#dial, this.#clock)
      this.#byEndpoint.set(endpoint.id, links)
    }
    links.open(attempt, connectTimeoutMs, maxLinks, maxPending)
  }

  /** Forgets a try that still waits. */
  abandon(endpoint: Endpoint, attempt: LinkAttempt): void {
    this.#byEndpoint.get(endpoint.id)?.abandon(attempt)
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
      links.close()
      this.#byEndpoint.delete(id)
    }
  }

  /** For gauges. */
  get counts(): { readonly links: number; readonly streams: number } {
    let linkCount = 0
    let streamCount = 0
    for (const links of this.#byEndpoint.values()) {
      linkCount += links.linkCount
      streamCount += links.openStreamCount
    }
    return { links: linkCount, streams: streamCount }
  }

  /** Ends everything now. */
  destroy(): void {
    for (const links of this.#byEndpoint.values()) links.destroy()
    this.#byEndpoint.clear()
  }
}
