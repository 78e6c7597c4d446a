import type { Socket } from 'node:net'
import { SocketDial } from '../connection/socket-dial.ts'
import { isHttpAtEnd, mayBeHttpServer, spokenFirst } from '../connection/spoken.ts'
import { LIMITS } from '../core/limits.ts'
import { meshError } from '../core/mesh-errors.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import { type Fields, NO_FIELDS, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import type { ResponseSink, UpstreamStream } from '../http/streams.ts'
import type { Attempt } from '../pipeline/lane.ts'
import { CallerShares, largestShare } from '../resilience/caller-shares.ts'
import { TcpEnd } from './tcp-end.ts'

const GRANTED: ResponseHead = { status: 200, fields: NO_FIELDS, bodyLength: UNKNOWN_LENGTH }

/** Before its client's preface a server of HTTP/2 says its settings, and no more than a window besides. */
const GREETING_BYTES = 4_096

/** The callee's side of a tunnel: a connection that we made. */
class TcpUpstream extends TcpEnd implements UpstreamStream {
  readonly #sink: ResponseSink
  readonly #onClosed: () => void
  /** What the caller said and nobody has judged yet; undefined: it is judged, or needs not be. */
  #screened: Buffer | undefined
  /** What the callee said as a server of HTTP would, before the caller was judged. */
  #greeting: Buffer | undefined

  constructor(socket: Socket, sink: ResponseSink, isScreened: boolean, onClosed: () => void) {
    super(socket)
    this.#sink = sink
    this.#screened = isScreened ? Buffer.alloc(0) : undefined
    this.#onClosed = onClosed
  }

  override sendBody(chunk: Buffer): boolean {
    if (this.#screened === undefined) return super.sendBody(chunk)
    const octets = Buffer.concat([this.#screened, chunk])
    const spoken = spokenFirst(octets)
    if (spoken === 'http1' || spoken === 'http2') return this.#refuse()
    this.#screened = octets
    return spoken === 'more' ? true : this.#pass()
  }

  /** What is no HTTP by its end will not become it. */
  override sendEnd(trailers: Fields): void {
    if (this.#screened !== undefined && isHttpAtEnd(this.#screened)) return void this.#refuse()
    this.#pass()
    super.sendEnd(trailers)
  }

  cancel(): void {
    this.breakOff()
  }

  /** A callee that speaks first settles it, unless it may be a server of HTTP that does: then the caller's word counts. */
  protected onOctets(chunk: Buffer): void {
    if (this.#screened === undefined) return this.#sink.onResponseBody(chunk)
    const octets = this.#greeting === undefined ? Buffer.from(chunk) : Buffer.concat([this.#greeting, chunk])
    this.#greeting = octets
    if (octets.length > GREETING_BYTES || !mayBeHttpServer(octets)) this.#pass()
  }

  protected onInputEnd(): void {
    this.#greet()
    this.#sink.onResponseEnd(NO_FIELDS)
  }

  protected onRoom(): void {
    this.#sink.onRequestDrain()
  }

  protected override onClosed(): void {
    this.#onClosed()
  }

  protected onBroken(reason: string): void {
    this.#sink.onResponseError(meshError('reset', `the connection to the application broke (${reason})`))
  }

  /** Both sides hear what the other one said meanwhile. */
  #pass(): boolean {
    const octets = this.#screened
    this.#screened = undefined
    const takesMore = octets === undefined || octets.length === 0 || super.sendBody(octets)
    this.#greet()
    return takesMore
  }

  #greet(): void {
    const greeting = this.#greeting
    this.#greeting = undefined
    if (greeting !== undefined) this.#sink.onResponseBody(greeting)
  }

  #refuse(): boolean {
    this.#screened = undefined
    this.#greeting = undefined
    this.breakOff()
    this.#sink.onResponseError(
      meshError('denied', 'HTTP came through a tunnel, past all policies, to a port that does not say what it speaks'),
    )
    return true
  }
}

type TcpAttempt = Attempt & ResponseSink

/** How a connection is made. */
export interface TcpOpening {
  readonly timeoutMs: number
  /** Whose it is: one caller's share of all connections is bounded, so that something is left for the others. */
  readonly caller?: string | undefined
  /** Refuses HTTP: the port did not say what it speaks, and policies see nothing of what goes through a tunnel. */
  readonly isScreened?: boolean
}

/** Connections to applications that speak something else than HTTP: one for each tunnel, never pooled. */
export class TcpDialer {
  readonly #wheel: TimerWheel
  /** Tries that wait for their connection, and what gives each up. */
  readonly #dialing = new Map<TcpAttempt, () => void>()
  readonly #shares = new CallerShares()
  /** Connections that are open or dialled. */
  #count = 0

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel
  }

  /** Connections that are open or dialled, for gauges. */
  get openCount(): number {
    return this.#count
  }

  /**
   * Connects for a try: `onStream` and the granted head when the connection stands, else `connect-failure`.
   */
  open(host: string, port: number, attempt: TcpAttempt, { timeoutMs, caller, isScreened = false }: TcpOpening): void {
    const share = this.#shares.of(caller)
    const limit = LIMITS.listenerConnectionCount
    if (this.#count >= limit || share.inUse >= largestShare(share, limit)) {
      const detail = `${share.inUse} of the ${this.#count} connections to applications are the caller's, at most ${limit} are made in all`
      return attempt.onResponseError(meshError('circuit-open', detail))
    }
    this.#count++
    share.inUse++
    const release = (): void => {
      this.#count--
      share.inUse--
      this.#shares.forget(caller)
    }
    const dial = new SocketDial({ host, port, allowHalfOpen: true }, timeoutMs, this.#wheel, {
      onSocket: (socket) => {
        this.#dialing.delete(attempt)
        attempt.onStream(new TcpUpstream(socket, attempt, isScreened, release))
        attempt.onResponseHead(GRANTED, false)
        socket.resume()
      },
      onFailed: (reason) => {
        this.#dialing.delete(attempt)
        release()
        attempt.onResponseError(meshError('connect-failure', `cannot connect to ${host}:${port}: ${reason}`))
      },
    })
    this.#dialing.set(attempt, () => {
      dial.giveUp()
      release()
    })
  }

  /** Forgets a try that still waits. */
  abandon(attempt: TcpAttempt): void {
    this.#dialing.get(attempt)?.()
    this.#dialing.delete(attempt)
  }
}
