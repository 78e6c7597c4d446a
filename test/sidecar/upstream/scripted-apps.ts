import assert from 'node:assert/strict'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS, type RequestHead } from '../../../sidecar/http/head.ts'
import type { ResponseSink, UpstreamStream } from '../../../sidecar/http/streams.ts'
import type {
  AppConnection,
  AppDialListener,
  AppLimits,
  DialApp,
} from '../../../sidecar/upstream/address-connections.ts'
import { AppPool } from '../../../sidecar/upstream/app-pool.ts'
import { RecordingUpstream } from '../../support/recording-streams.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { RecordedTry } from './recorded-try.ts'

/** A connection to an application without a wire. As on a real one, the news that it is closed comes a turn later. */
export class ScriptedConnection implements AppConnection {
  readonly #listener: AppDialListener
  idleSinceMs = 0
  keepAliveMs = Number.POSITIVE_INFINITY
  share: { inUse: number } | undefined
  stream: RecordingUpstream | undefined
  /** The application has ended its side, and the pool has not heard yet. */
  isEnded = false
  isDestroyed = false
  isClosed = false
  sentCount = 0

  constructor(listener: AppDialListener) {
    this.#listener = listener
  }

  get canReuse(): boolean {
    return this.stream === undefined && !this.isEnded && !this.isDestroyed
  }

  send(_head: RequestHead, _end: boolean, sink: ResponseSink): UpstreamStream {
    assert(this.canReuse, 'one exchange at a time, on a connection that is good')
    this.sentCount++
    this.stream = new RecordingUpstream(sink)
    return this.stream
  }

  destroy(): void {
    this.isDestroyed = true
    this.#takeSink()?.onResponseError(meshError('reset', 'the connection was closed'))
  }

  /** The response is complete, and the connection is given back before the exchange hears of it. */
  answer(keepAliveMs = Number.POSITIVE_INFINITY): void {
    const sink = this.#takeSink()
    this.keepAliveMs = keepAliveMs
    this.#listener.onIdle(this)
    sink?.onResponseHead({ status: 200, fields: NO_FIELDS, bodyLength: 0 }, true)
  }

  /** The response is complete, and the connection carries no other. */
  answerAndClose(): void {
    const sink = this.#takeSink()
    this.isDestroyed = true
    sink?.onResponseHead({ status: 200, fields: NO_FIELDS, bodyLength: 0 }, true)
    this.settle()
  }

  /** The application closes it. */
  breakOff(): void {
    this.destroy()
    this.settle()
  }

  /** The event loop's next turn: a destroyed socket is closed. */
  settle(): void {
    if (!this.isDestroyed || this.isClosed) return
    this.isClosed = true
    this.#listener.onClosed(this)
  }

  #takeSink(): ResponseSink | undefined {
    const sink = this.stream?.sink
    this.stream = undefined
    return sink
  }
}

/** One dial that a test decides. */
export class ScriptedAppDial {
  readonly where: string
  readonly timeoutMs: number
  readonly #listener: AppDialListener
  isPending = true

  constructor(where: string, timeoutMs: number, listener: AppDialListener) {
    this.where = where
    this.timeoutMs = timeoutMs
    this.#listener = listener
  }

  succeed(): ScriptedConnection {
    this.#decide()
    const connection = new ScriptedConnection(this.#listener)
    this.#listener.onConnection(connection)
    return connection
  }

  fail(detail = 'ECONNREFUSED'): void {
    this.#decide()
    this.#listener.onDialFailed(meshError('connect-failure', detail))
  }

  #decide(): void {
    assert(this.isPending, 'a dial is decided once')
    this.isPending = false
  }
}

/** A clock that knows how many timers were set on it. */
export class CountingClock extends TurnedClock {
  timerCount = 0
  override after(delayMs: number, action: () => void) {
    this.timerCount++
    return super.after(delayMs, action)
  }
}

/** Limits of a pool, as a lane gives them. */
export const appLimits = (maxConnections: number, maxPending: number = LIMITS.pendingPerEndpointCount): AppLimits => ({
  connectTimeoutMs: 2_000,
  circuitBreaker: { maxConnections, maxPending },
})

/** A pool whose dials and whose clock a test has in hand. */
export class AppSetting {
  readonly clock = new CountingClock()
  readonly dials: ScriptedAppDial[] = []
  readonly #dial: DialApp = (host, port, timeoutMs, listener) => {
    this.dials.push(new ScriptedAppDial(`${host}:${port}`, timeoutMs, listener))
  }
  readonly pool = new AppPool(this.#dial, this.clock)
  readonly maxConnections: number

  constructor(maxConnections = 100) {
    this.maxConnections = maxConnections
  }

  get pending(): readonly ScriptedAppDial[] {
    return this.dials.filter(({ isPending }) => isPending)
  }

  /** The oldest dial under way. */
  get next(): ScriptedAppDial {
    const [dial] = this.pending
    assert(dial !== undefined, 'a dial is under way')
    return dial
  }

  /** Sends `count` tries to the application's port. */
  send(count: number, port = 8_080, caller?: string): RecordedTry[] {
    const tries = Array.from({ length: count }, () => new RecordedTry())
    for (const one of tries) this.sendTry(one, port, caller)
    return tries
  }

  /** Sends this one. */
  sendTry(one: RecordedTry, port = 8_080, caller?: string): void {
    this.pool.send('127.0.0.1', port, one, appLimits(this.maxConnections), caller)
  }

  abandon(one: RecordedTry): void {
    this.pool.abandon('127.0.0.1', 8_080, one)
  }

  /** A connection that is idle as of now; the application keeps it for so long, as far as it said. */
  idle(keepAliveMs?: number): ScriptedConnection {
    this.send(1)
    const connection = this.next.succeed()
    connection.answer(keepAliveMs)
    return connection
  }
}
