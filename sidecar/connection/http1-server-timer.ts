import type { Socket } from 'node:net'
import { LIMITS } from '../core/limits.ts'
import type { TimerWheel, WheelEntry } from '../core/timer-wheel.ts'

/**
 * What the timer stands for: an idle connection, a head that was begun, a peer that ended its side before its answer
 * began, a peer that may still read our last words.
 */
export type ServerTimerKind = 'idle' | 'head' | 'half-closed' | 'linger'

/** What a timer asks of its connection. */
export interface TimedConnection {
  /** Requests begun, ever. */
  readonly requestCount: number
  /** Reads, ever. */
  readonly readCount: number
  /** Octets that wait to be taken. */
  readonly unsentBytes: number
  onTimer(kind: ServerTimerKind): void
}

/**
 * The one timer of a server connection. Set once for many requests: what happened since is seen when it fires, so that a
 * request costs it nothing. What it times out is thus between one and two times its delay old.
 */
export class Http1ServerTimer implements WheelEntry {
  kind: ServerTimerKind = 'idle'
  wheelNext: WheelEntry | undefined = undefined
  wheelPrevious: WheelEntry | undefined = undefined
  wheelSlot = -1
  wheelRounds = 0
  readonly #wheel: TimerWheel
  readonly #connection: TimedConnection
  readonly #socket: Socket
  #requestCount = 0
  #readCount = 0
  #movedBytes = 0

  constructor(wheel: TimerWheel, connection: TimedConnection, socket: Socket) {
    this.#wheel = wheel
    this.#socket = socket
    this.#connection = connection
  }

  set(kind: ServerTimerKind, delayMs: number): void {
    this.kind = kind
    this.#requestCount = this.#connection.requestCount
    this.#readCount = this.#connection.readCount
    this.#movedBytes = this.#nowMovedBytes
    this.#wheel.schedule(this, delayMs)
  }

  cancel(): void {
    this.#wheel.cancel(this)
  }

  /** Whether a request was begun since it was set. */
  get sawRequest(): boolean {
    return this.#connection.requestCount !== this.#requestCount
  }

  /** Whether something was read since it was set. */
  get sawRead(): boolean {
    return this.#connection.readCount !== this.#readCount
  }

  /** Octets that were taken or came, ever. */
  get #nowMovedBytes(): number {
    return this.#socket.bytesRead + this.#socket.bytesWritten - this.#socket.writableLength
  }

  /**
   * What the peer left us waiting for since it was set: to take octets that wait, more than a drip of them, or to go on
   * with a body, of which any octet will do.
   */
  stalledBy(awaitsBody: boolean): 'unreadAnswer' | 'stalledBody' | undefined {
    if (this.#connection.unsentBytes > 0)
      return this.#nowMovedBytes - this.#movedBytes < LIMITS.streamStallBytes ? 'unreadAnswer' : undefined
    return awaitsBody && !this.sawRead ? 'stalledBody' : undefined
  }

  /** A head that was begun must end in time; a whole one in a single read never touches the wheel. */
  timeHead(isPartial: boolean): void {
    if (isPartial) {
      if (this.kind === 'idle' || this.sawRequest) this.set('head', LIMITS.headTimeoutMs)
    } else if (this.kind === 'head') this.set('idle', LIMITS.idleConnectionMs)
  }

  onTimeout(): void {
    this.#connection.onTimer(this.kind)
  }
}
