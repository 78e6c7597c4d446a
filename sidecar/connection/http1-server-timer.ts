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
  #requestCount = 0
  #readCount = 0
  #unsentBytes = 0

  constructor(wheel: TimerWheel, connection: TimedConnection) {
    this.#wheel = wheel
    this.#connection = connection
  }

  set(kind: ServerTimerKind, delayMs: number): void {
    this.kind = kind
    this.#requestCount = this.#connection.requestCount
    this.#readCount = this.#connection.readCount
    this.#unsentBytes = this.#connection.unsentBytes
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

  /** Whether octets wait, as many as when it was set. */
  get isWriteStalled(): boolean {
    return this.#unsentBytes > 0 && this.#connection.unsentBytes === this.#unsentBytes
  }

  onTimeout(): void {
    this.#connection.onTimer(this.kind)
  }
}
