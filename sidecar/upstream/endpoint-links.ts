import type { Clock } from '../core/clock.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { DialLink, DialListener, Link, LinkAttempt, LinkTarget } from './link.ts'
import { POOL_ENDS } from './pool-end.ts'

/** No dial is under way, one is, or one that began with a certificate that has been replaced since. */
type Dialing = 'no' | 'yes' | 'stale'

/**
 * Mesh links to one endpoint: one, and more only when its streams run out. Tries that find no room wait in order; a
 * failed dial fails all that wait, for they would wait for the same.
 */
export class EndpointLinks implements DialListener {
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

  /** Streams that one link allows at once, by the word of those that stand; undefined while none does. */
  get streamLimit(): number | undefined {
    const limits = this.#usable.map((link) => link.streamLimit)
    return limits.length === 0 ? undefined : Math.min(...limits)
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
