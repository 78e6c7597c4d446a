import type { Endpoint } from '../config/resources.ts'
import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { Fields, RequestHead } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { Attempt } from '../pipeline/lane.ts'
import { POOL_ENDS } from './pool-end.ts'

/** Where links lead to: an endpoint of the mesh, or an application on this host. */
export type LinkTarget = Pick<Endpoint, 'id' | 'address' | 'port' | 'identity'>

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
export type DialLink = (endpoint: LinkTarget, timeoutMs: number, listener: DialListener) => void

/** The sink and head of a try. */
export type LinkAttempt = Attempt & ResponseSink

/** No dial is under way, one is, or one that began with a certificate that has been replaced since. */
type Dialing = 'no' | 'yes' | 'stale'

/**
 * Mesh links to one endpoint: one, and more only when its streams run out. Tries that find no room wait in order; a
 * failed dial fails all that wait, for they would wait for the same.
 */
class EndpointLinks implements DialListener {
  readonly #endpoint: LinkTarget
  readonly #dial: DialLink
  readonly #clock: Clock
  readonly #links: Link[] = []
  /** Links with a certificate that has been replaced: they serve until a new one stands. */
  readonly #retiring: Link[] = []
  /** Links that take nothing more and still carry something. */
  readonly #leaving = new Set<Link>()
  readonly #waiting: Set<LinkAttempt> = new Set()
  #dialing: Dialing = 'no'
  /** `closed`: what waits is still served, then nothing more; `destroyed`: nothing at all. */
  #phase: 'open' | 'closed' | 'destroyed' = 'open'
  #maxLinks = 1
  #connectTimeoutMs = 1_000
  lastUsedMs: number

  constructor(endpoint: LinkTarget, dial: DialLink, clock: Clock) {
    this.#endpoint = endpoint
    this.#dial = dial
    this.#clock = clock
    this.lastUsedMs = clock.nowMs()
  }

  /** Whether `endpoint` is still reached where these links lead to. */
  leadsTo(endpoint: LinkTarget): boolean {
    const mine = this.#endpoint
    return (
      mine === endpoint ||
      (mine.address === endpoint.address && mine.port === endpoint.port && mine.identity === endpoint.identity)
    )
  }

  get openStreamCount(): number {
    let count = 0
    for (const link of [...this.#links, ...this.#retiring, ...this.#leaving]) count += link.openStreamCount
    return count
  }

  get linkCount(): number {
    return this.#links.length
  }

  /** Closed, and nothing is left. */
  get isOver(): boolean {
    const linkCount = this.#links.length + this.#retiring.length + this.#leaving.size
    return this.#phase !== 'open' && linkCount === 0 && this.#dialing === 'no'
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

  /** False when it does not wait here. */
  abandon(attempt: LinkAttempt): boolean {
    const waited = this.#waiting.delete(attempt)
    this.#finishClosing()
    return waited
  }

  /**
   * Makes new links and lets the old ones finish what they carry: our certificate changed. The old ones serve until the
   * first new one stands, so that no request waits for a handshake.
   */
  renew(): void {
    if (this.#dialing === 'yes') this.#dialing = 'stale'
    this.#retiring.push(...this.#links.splice(0))
    if (this.#retiring.length > 0) this.#grow()
  }

  /** Takes no more tries; those that wait are served, and links end with what they carry. */
  close(): void {
    this.#phase = 'closed'
    this.#finishClosing()
  }

  #finishClosing(): void {
    if (this.#phase !== 'closed' || this.#waiting.size > 0) return
    for (const link of [...this.#links.splice(0), ...this.#retiring.splice(0)]) this.#letGo(link)
  }

  /** Breaks everything off. */
  destroy(): void {
    this.#phase = 'destroyed'
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const link of [...this.#links, ...this.#retiring, ...this.#leaving]) link.destroy()
    for (const attempt of waiting) attempt.onResponseError(POOL_ENDS)
  }

  /** Links that tries may go on: the old ones only while there is no new one. */
  get #usable(): readonly Link[] {
    return this.#links.length > 0 ? this.#links : this.#retiring
  }

  #start(attempt: LinkAttempt): boolean {
    for (const link of this.#usable) if (link.canOpenStream && startOn(link, attempt)) return true
    return false
  }

  #grow(): void {
    if (this.#dialing !== 'no' || this.#phase !== 'open') return
    if (this.#links.length >= this.#maxLinks && this.#links.length > 0) return
    this.#dialing = 'yes'
    this.#dial(this.#endpoint, this.#connectTimeoutMs, this)
  }

  #serveWaiting(): void {
    for (const attempt of this.#waiting) {
      if (!this.#usable.some((link) => link.canOpenStream)) break
      this.#waiting.delete(attempt)
      if (!this.#start(attempt)) this.#failClosed(attempt)
    }
    if (this.#waiting.size > 0) this.#grow()
    this.#finishClosing()
  }

  #failClosed(attempt: LinkAttempt): void {
    const detail = `the link to ${this.#endpoint.id} closed before the request was sent`
    attempt.onResponseError(meshError('connect-failure', detail))
  }

  #letGo(link: Link): void {
    if (link.openStreamCount > 0) this.#leaving.add(link)
    link.retire()
  }

  onLink(link: Link): void {
    const isStale = this.#dialing === 'stale'
    this.#dialing = 'no'
    if (this.#phase === 'destroyed') return link.destroy()
    if (isStale && this.#phase === 'open') {
      this.#retiring.push(link)
      return this.#grow()
    }
    this.#links.push(link)
    for (const old of this.#retiring.splice(0)) this.#letGo(old)
    this.#serveWaiting()
  }

  onDialFailed(error: MeshError): void {
    this.#dialing = 'no'
    this.#failWaiting(error)
    this.#finishClosing()
  }

  #failWaiting(error: MeshError): void {
    const failed = [...this.#waiting]
    this.#waiting.clear()
    for (const attempt of failed) attempt.onResponseError(error)
  }

  onCapacity(): void {
    if (this.#waiting.size > 0) this.#serveWaiting()
  }

  onGone(link: Link): void {
    this.#leaving.delete(link)
    for (const list of [this.#links, this.#retiring]) {
      const at = list.indexOf(link)
      if (at < 0) continue
      list.splice(at, 1)
      if (link.openStreamCount > 0) this.#leaving.add(link) // GOAWAY: what it carries goes on
    }
    if (this.#waiting.size === 0) return
    this.#grow()
    const isHopeless = this.#dialing === 'no' && this.#usable.length === 0
    if (isHopeless) this.#failWaiting(meshError('connect-failure', `the last link to ${this.#endpoint.id} is gone`))
  }
}

function startOn(link: Link, attempt: LinkAttempt): boolean {
  const stream = link.request(attempt.attemptHead, attempt.attemptEnd, attempt, attempt.attemptFields)
  if (stream === undefined) return false
  attempt.onStream(stream)
  return true
}

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
