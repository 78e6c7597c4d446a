import type { Socket } from 'node:net'
import { resetSocket } from '../connection/reset-socket.ts'
import { receiveFrom } from '../connection/shared-read.ts'
import { SocketWriter } from '../connection/socket-writer.ts'
import { LIMITS } from '../core/limits.ts'
import type { MeshError } from '../core/mesh-errors.ts'
import type { Fields } from '../http/head.ts'

/** Peers that vanish without a word are found out by the kernel: a tunnel may be silent for as long as both sides like. */
const KEEP_ALIVE_MS = 60_000

/**
 * One TCP connection as one side of an exchange: its octets are the body, its FIN the end of the body. Each direction ends
 * by itself; the connection is closed when both have. Owns the socket, which must not have been read from.
 */
export abstract class TcpEnd {
  protected readonly socket: Socket
  readonly #writer: SocketWriter
  #isBlocked = false
  /** The peer has said all it will. */
  #isInputEnded = false
  /** The exchange wants to hear nothing more. */
  #isDead = false
  readonly #listeners = {
    drain: () => {
      if (!this.#isBlocked || this.#isDead) return
      this.#isBlocked = false
      this.onRoom()
    },
    end: () => this.endInput(),
    error: (error: NodeJS.ErrnoException) => this.#onBroken(error.code ?? error.message),
    close: () => {
      if (!this.#isInputEnded || !this.socket.writableFinished) this.#onBroken('closed')
      this.onClosed()
    },
  }

  constructor(socket: Socket) {
    this.socket = socket
    this.#writer = new SocketWriter(socket)
    socket.allowHalfOpen = true
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    receiveFrom(socket, (chunk, length) => {
      if (!this.#isDead) this.onOctets(chunk.subarray(0, length))
    })
    for (const [event, listener] of Object.entries(this.#listeners)) socket.on(event, listener)
  }

  /** What arrived: borrowed for the call. */
  protected abstract onOctets(chunk: Buffer): void
  protected abstract onInputEnd(): void
  /** The peer takes octets again. */
  protected abstract onRoom(): void
  /** The connection broke; called at most once, and not after `kill`. */
  protected abstract onBroken(reason: string): void
  /** The socket is gone. */
  protected onClosed(): void {}

  /** Octets for the peer. False when it takes no more for now. */
  sendBody(chunk: Buffer): boolean {
    if (this.#isDead) return true
    this.#writer.bytes(chunk)
    this.#writer.flushSoon()
    this.#isBlocked = this.#writer.unsentBytes > LIMITS.unsentHighWaterBytes
    return !this.#isBlocked
  }

  /** The end towards the peer: a FIN behind what waits. What the peer still says is delivered. */
  sendEnd(_trailers: Fields): void {
    if (!this.#isDead) this.#writer.end()
  }

  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    if (!this.#isDead) this.socket.resume()
  }

  /** The peer says no more. */
  protected endInput(): void {
    this.#isInputEnded = true
    if (!this.#isDead) this.onInputEnd()
  }

  /** Breaks the connection off: the peer sees a reset, never an end that looks orderly. */
  protected breakOff(_error?: MeshError): void {
    this.kill()
    this.#writer.flush()
    resetSocket(this.socket)
  }

  /** Nothing more is told to the exchange. */
  protected kill(): void {
    this.#isDead = true
  }

  /** Gives the socket back, from which nothing was taken and to which nothing was sent; whoever takes it listens to it anew. */
  protected leave(): void {
    this.kill()
    for (const [event, listener] of Object.entries(this.#listeners)) this.socket.removeListener(event, listener)
  }

  #onBroken(reason: string): void {
    if (!this.#isDead) {
      this.#isDead = true
      this.onBroken(reason)
    }
    this.socket.destroy()
  }
}
