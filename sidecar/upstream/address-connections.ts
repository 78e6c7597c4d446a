import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { type MeshError, meshError } from '../core/mesh-errors.ts'
import type { RequestHead } from '../http/head.ts'
import { isIdempotentMethod } from '../http/idempotent-method.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { Attempt } from '../pipeline/lane.ts'
import { CallerShares, largestShare, type Share } from '../resilience/caller-shares.ts'
import { IdlePatience } from './idle-patience.ts'
import { POOL_ENDS } from './pool-end.ts'

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

/** A try that waits for a connection, and then hears of its answer. */
export type AppAttempt = Attempt & ResponseSink

/** How much a pool may use for one address. */
export interface AppLimits {
  readonly connectTimeoutMs: number
  readonly circuitBreaker: { readonly maxConnections: number; readonly maxPending: number }
}

/** Connections to one address: the most recently used idle one first, for it is the least likely to be closed. */
export class AddressConnections implements AppDialListener {
  readonly #host: string
  readonly #port: number
  readonly #dial: DialApp
  readonly #clock: Clock
  readonly #idle: AppConnection[] = []
  readonly #waiting = new Map<AppAttempt, Share>()
  readonly #shares = new CallerShares()
  readonly #patience = new IdlePatience()
  #dialing = 0
  #open = 0
  /** Dials that failed since one did not. */
  #failedInRow = 0
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

  /** Nothing is open, dialled or waiting, and nothing is known of the application that a new pool would not assume. */
  get isUnused(): boolean {
    return this.#open === 0 && this.#dialing === 0 && this.#waiting.size === 0 && !this.#patience.isLearned
  }

  send(attempt: AppAttempt, limits: AppLimits, caller: string | undefined): void {
    if (this.#isDestroyed) return attempt.onResponseError(POOL_ENDS)
    const { maxConnections, maxPending } = limits.circuitBreaker
    this.#connectTimeoutMs = limits.connectTimeoutMs
    this.#maxConnections = maxConnections
    const share = this.#shares.of(caller)
    if (this.#mayUseMore(share)) {
      const connection = this.#takeIdle(attempt)
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
    this.#patience.forget()
    for (const connection of [...this.#idle]) {
      if (nowMs - connection.idleSinceMs < this.#patience.limitMs(connection)) continue
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
    for (const attempt of waiting) this.#takeWaiting(attempt)
    for (const attempt of waiting) attempt.onResponseError(POOL_ENDS)
  }

  /**
   * The youngest idle connection. What cannot be sent a second time gets one only in the first half of its time, else a
   * new one: it would be lost on a connection that the application is just closing.
   */
  #takeIdle({ attemptHead, attemptEnd }: AppAttempt): AppConnection | undefined {
    const nowMs = this.#clock.nowMs()
    const mayDial = this.#open + this.#dialing < this.#maxConnections
    const isChoosy = mayDial && !(attemptEnd && isIdempotentMethod(attemptHead.method))
    for (let connection = this.#idle.at(-1); connection !== undefined; connection = this.#idle.at(-1)) {
      const ageMs = nowMs - connection.idleSinceMs
      const limitMs = this.#patience.limitMs(connection)
      const isGood = connection.canReuse && ageMs < limitMs
      if (isGood && isChoosy && ageMs >= limitMs / 2) return undefined // the others are older
      this.#idle.pop()
      if (isGood) return connection
      connection.destroy()
    }
    return undefined
  }

  #mayUseMore(share: Share): boolean {
    return share.inUse < largestShare(share, this.#maxConnections)
  }

  /** The first that waits, may begin, and whose caller may use one more. */
  #findTurn(): AppAttempt | undefined {
    for (const [attempt, share] of this.#waiting) {
      if (!this.#mayUseMore(share)) continue
      if (attempt.mayBegin()) return attempt
      this.#takeWaiting(attempt)
    }
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
    const most = Math.min(this.#shares.turnCount(this.#maxConnections), this.#mostDials)
    if (this.#dialing >= most || this.#open + this.#dialing >= this.#maxConnections) return
    this.#dialing++
    this.#dial(this.#host, this.#port, this.#connectTimeoutMs, this)
  }

  get #mostDials(): number {
    return Math.min(LIMITS.dialsPerApplicationCount, this.#maxConnections)
  }

  onConnection(connection: AppConnection): void {
    this.#dialing--
    this.#failedInRow = 0
    this.#open++
    this.#onOpen()
    this.onIdle(connection)
    this.#grow()
  }

  onDialFailed(error: MeshError): void {
    this.#dialing--
    this.#failedInRow++
    // Each failed dial stands for one waiting try, unless others are under way for all that wait. Where nothing is open and as
    // many failed in a row as may be under way at once, those for which none is under way would fail alike.
    const undialled = Math.max(0, this.#waiting.size - this.#dialing)
    const isDown = this.#open === 0 && this.#failedInRow >= this.#mostDials
    const failCount = isDown ? undialled : Math.min(undialled, 1)
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
    if (at >= 0) {
      // We take out what we close ourselves: this one the application closed.
      this.#idle.splice(at, 1)
      this.#patience.closedAfter(this.#clock.nowMs() - connection.idleSinceMs)
    }
    this.#grow()
  }
}
