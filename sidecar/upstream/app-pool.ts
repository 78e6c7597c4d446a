import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { RequestHead } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { Attempt } from '../pipeline/lane.ts'
import { CallerShares, largestShare, type Share } from '../resilience/caller-shares.ts'

/** One HTTP/1.1 connection to an application, as the pool uses it. */
export interface AppConnection {
  /** Nothing is in flight, and the last exchange left the connection clean. */
  readonly canReuse: boolean
  /** When it was last given back, monotonic ms. */
  idleSinceMs: number
  /** Whose exchange it carries: the pool's field, as the one before. */
  share: Pick<Share, 'inUse'> | undefined
  /** How long the application keeps an idle connection, as far as it said; ms. */
  readonly keepAliveMs: number
  send(head: RequestHead, end: boolean, sink: ResponseSink): UpstreamStream
  destroy(): void
}

/** Hears of one dial, and of the connection's life. */
export interface AppDialListener {
  onConnection(connection: AppConnection): void
  onDialFailed(error: MeshError): void
  /** The exchange is over and the connection may carry another. */
  onIdle(connection: AppConnection): void
  /** The connection is closed. */
  onClosed(connection: AppConnection): void
}

/** Makes one connection to `host:port`. */
export type DialApp = (host: string, port: number, timeoutMs: number, listener: AppDialListener) => void

type AppAttempt = Attempt & ResponseSink

/** How much a pool may use for one address. */
export interface AppLimits {
  readonly connectTimeoutMs: number
  readonly circuitBreaker: { readonly maxConnections: number; readonly maxPending: number }
}

/** Connections to one address: the most recently used idle one first, for it is the least likely to be closed. */
class AddressConnections implements AppDialListener {
  readonly #host: string
  readonly #port: number
  readonly #dial: DialApp
  readonly #clock: Clock
  readonly #idle: AppConnection[] = []
  readonly #waiting = new Map<AppAttempt, Share>()
  readonly #shares = new CallerShares()
  #dialing = 0
  #open = 0
  #maxConnections = 1_024
  #connectTimeoutMs = 1_000
  #isDestroyed = false
  readonly #onOpen: () => void

  /** `onOpen`: hears of each connection that was made. */
  constructor(host: string, port: number, dial: DialApp, clock: Clock, onOpen: () => void) {
    this.#onOpen = onOpen
    this.#host = host
    this.#port = port
    this.#dial = dial
    this.#clock = clock
  }

  get openCount(): number {
    return this.#open
  }

  /** Nothing is open, dialled or waiting. */
  get isUnused(): boolean {
    return this.#open === 0 && this.#dialing === 0 && this.#waiting.size === 0
  }

  send(attempt: AppAttempt, limits: AppLimits, caller: string | undefined): void {
    const { maxConnections, maxPending } = limits.circuitBreaker
    this.#connectTimeoutMs = limits.connectTimeoutMs
    this.#maxConnections = maxConnections
    const share = this.#shares.of(caller)
    if (this.#mayUseMore(share)) {
      const connection = this.#takeIdle()
      if (connection !== undefined) return this.#start(connection, attempt, share)
    }
    if (this.#waiting.size >= maxPending || share.waiting >= largestShare(share, maxPending)) {
      const detail = `${this.#waiting.size} requests already wait for a connection to ${this.#host}:${this.#port}`
      return attempt.onResponseError(meshError('circuit-open', detail))
    }
    share.waiting++
    this.#waiting.set(attempt, share)
    this.#grow()
  }

  abandon(attempt: AppAttempt): void {
    this.#takeWaiting(attempt)
  }

  /** Closes what has been idle for so long that the application may be closing it too. */
  closeStale(): void {
    const nowMs = this.#clock.nowMs()
    for (const connection of [...this.#idle]) {
      if (nowMs - connection.idleSinceMs < idleLimitMs(connection)) continue
      this.#idle.splice(this.#idle.indexOf(connection), 1)
      connection.destroy()
    }
    this.#shares.sweep()
  }

  /** Closes what is idle; what is in use ends with its exchange, and what waits has nothing to wait for. */
  destroy(): void {
    this.#isDestroyed = true
    for (const connection of this.#idle.splice(0)) connection.destroy()
    const waiting = [...this.#waiting.keys()]
    this.#waiting.clear()
    for (const attempt of waiting) attempt.onResponseError(meshError('connect-failure', 'this sidecar ends'))
  }

  #takeIdle(): AppConnection | undefined {
    const nowMs = this.#clock.nowMs()
    for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
      if (connection.canReuse && nowMs - connection.idleSinceMs < idleLimitMs(connection)) return connection
      connection.destroy()
    }
    return undefined
  }

  #mayUseMore(share: Share): boolean {
    return share.inUse < largestShare(share, this.#maxConnections)
  }

  /** The first that waits and whose caller may use one more. */
  #findTurn(): AppAttempt | undefined {
    for (const [attempt, share] of this.#waiting) if (this.#mayUseMore(share)) return attempt
    return undefined
  }

  /** Takes a try out of those that wait; undefined when it did not. */
  #takeWaiting(attempt: AppAttempt): Share | undefined {
    const share = this.#waiting.get(attempt)
    if (share === undefined) return undefined
    this.#waiting.delete(attempt)
    share.waiting--
    return share
  }

  /** The connection carries nobody's exchange any more. */
  #release(connection: AppConnection): void {
    if (connection.share === undefined) return
    connection.share.inUse--
    connection.share = undefined
  }

  #start(connection: AppConnection, attempt: AppAttempt, share: Share): void {
    share.inUse++
    connection.share = share
    const stream = connection.send(attempt.attemptHead, attempt.attemptEnd, attempt)
    attempt.onStream(stream)
  }

  #grow(): void {
    if (this.#dialing >= this.#turnCount() || this.#open + this.#dialing >= this.#maxConnections) return
    this.#dialing++
    this.#dial(this.#host, this.#port, this.#connectTimeoutMs, this)
  }

  /** How many of those that wait could use a connection now. */
  #turnCount(): number {
    let count = 0
    const left = new Map<Share, number>()
    for (const share of this.#waiting.values()) {
      const room = left.get(share) ?? largestShare(share, this.#maxConnections) - share.inUse
      if (room > 0) count++
      left.set(share, room - 1)
    }
    return count
  }

  onConnection(connection: AppConnection): void {
    this.#dialing--
    this.#open++
    this.#onOpen()
    this.onIdle(connection)
  }

  onDialFailed(error: MeshError): void {
    this.#dialing--
    // Each failed dial stands for one waiting try, unless others are under way for all that wait; with none left under
    // way, all that remain would fail alike.
    const isHopeless = this.#dialing === 0 && this.#open === 0
    const failCount = isHopeless ? this.#waiting.size : this.#waiting.size > this.#dialing ? 1 : 0
    const failed = [...this.#waiting.keys()].slice(0, failCount)
    for (const attempt of failed) this.#takeWaiting(attempt)
    for (const attempt of failed) attempt.onResponseError(error)
    this.#grow()
  }

  onIdle(connection: AppConnection): void {
    this.#release(connection)
    if (this.#isDestroyed) return connection.destroy()
    connection.idleSinceMs = this.#clock.nowMs()
    const attempt = this.#waiting.size === 0 ? undefined : this.#findTurn()
    const share = attempt === undefined ? undefined : this.#takeWaiting(attempt)
    if (attempt === undefined || share === undefined) this.#idle.push(connection)
    else this.#start(connection, attempt, share)
  }

  onClosed(connection: AppConnection): void {
    this.#open--
    this.#release(connection)
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#grow()
  }
}

/** Shorter than what the application keeps: a request must not meet a closing connection. */
const idleLimitMs = (connection: AppConnection): number => Math.min(LIMITS.idleUpstreamMs, connection.keepAliveMs * 0.8)

const SWEEP_MS = 1_000

/** Plain HTTP/1.1 connections to applications, by address. */
export class AppPool {
  readonly #dial: DialApp
  readonly #clock: Clock
  readonly #byAddress = new Map<string, AddressConnections>()
  #sweeper: { cancel(): void } | undefined

  constructor(dial: DialApp, clock: Clock) {
    this.#dial = dial
    this.#clock = clock
  }

  /**
   * Sends a try to `host:port`: at once on an idle connection, else on a new one. With a `caller`, its share of the
   * connections is bounded, so that something is left for the others.
   */
  send(host: string, port: number, attempt: AppAttempt, limits: AppLimits, caller?: string): void {
    this.#connections(host, port).send(attempt, limits, caller)
  }

  /** Forgets a try that still waits. */
  abandon(host: string, port: number, attempt: AppAttempt): void {
    this.#connections(host, port).abandon(attempt)
  }

  /** For gauges. */
  get openCount(): number {
    let count = 0
    for (const connections of this.#byAddress.values()) count += connections.openCount
    return count
  }

  /** Closes idle connections; those in use end with their exchange. */
  destroy(): void {
    this.#sweeper?.cancel()
    for (const connections of this.#byAddress.values()) connections.destroy()
  }

  #connections(host: string, port: number): AddressConnections {
    const key = `${host}:${port}`
    let connections = this.#byAddress.get(key)
    if (connections === undefined) {
      connections = new AddressConnections(host, port, this.#dial, this.#clock, this.#armSweep)
      this.#byAddress.set(key, connections)
    }
    return connections
  }

  readonly #armSweep = (): void => {
    this.#sweeper ??= this.#clock.after(SWEEP_MS, this.#sweep, { background: true })
  }

  readonly #sweep = (): void => {
    this.#sweeper = undefined
    let open = 0
    for (const [key, connections] of this.#byAddress) {
      connections.closeStale()
      open += connections.openCount
      if (connections.isUnused) this.#byAddress.delete(key)
    }
    if (open > 0) this.#armSweep()
  }
}
