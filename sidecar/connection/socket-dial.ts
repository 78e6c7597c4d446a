import { connect, type Socket, type TcpNetConnectOpts } from 'node:net'
import type { TimerWheel, WheelEntry } from '../core/timer-wheel.ts'

/** What hears how a dial went: once, unless it was given up. */
export interface SocketDialEnd {
  /** The connection stands. The socket is its owner's, who listens for errors from here on. */
  onSocket(socket: Socket): void
  /** `reason`: what the system said, in its words, or that the time was over. */
  onFailed(reason: string): void
}

/** One TCP connection to an application in the making. */
export class SocketDial implements WheelEntry {
  wheelNext: WheelEntry | undefined = undefined
  wheelPrevious: WheelEntry | undefined = undefined
  wheelSlot = -1
  wheelRounds = 0
  readonly #socket: Socket
  readonly #wheel: TimerWheel
  readonly #timeoutMs: number
  readonly #end: SocketDialEnd
  #isOver = false

  constructor(options: TcpNetConnectOpts, timeoutMs: number, wheel: TimerWheel, end: SocketDialEnd) {
    this.#wheel = wheel
    this.#timeoutMs = timeoutMs
    this.#end = end
    this.#socket = connect({ noDelay: true, ...options })
    this.#socket.once('connect', this.#onConnect)
    this.#socket.on('error', this.#onError)
    wheel.schedule(this, timeoutMs)
  }

  /** Ends it without a word. */
  giveUp(): void {
    if (this.#leave()) this.#socket.destroy()
  }

  onTimeout(): void {
    this.#fail(`no connection within ${this.#timeoutMs} ms`)
  }

  #fail(reason: string): void {
    if (!this.#leave()) return
    this.#socket.destroy()
    this.#end.onFailed(reason)
  }

  /** False when it is over already. */
  #leave(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#wheel.cancel(this)
    return true
  }

  readonly #onConnect = (): void => {
    if (!this.#leave()) return
    this.#socket.removeListener('error', this.#onError)
    this.#end.onSocket(this.#socket)
  }

  readonly #onError = (error: NodeJS.ErrnoException): void => this.#fail(error.code ?? error.message)
}
