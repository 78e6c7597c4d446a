import type { Socket } from 'node:net'
import { CLIENT_PREFACE } from '../../sidecar/http2/frame/frame-type.ts'
import { frame, settings } from '../support/http2-frames.ts'

/** Octets that may wait in this process: an attacker, too, has only so much memory. */
const HIGH_BYTES = 1024 * 1024

/** A connection in an attacker's hands. */
export class HostileWire {
  readonly socket: Socket
  /** The other side ended it. */
  isCut = false
  /** The time of the attack is over. */
  isStopped = false
  receivedBytes = 0
  /** When the limit was passed, and when the cut was noticed, monotonic ms. */
  passedMs: number | undefined
  cutMs: number | undefined
  /** Resolves when it is closed, by whomever. */
  readonly cut: Promise<void>
  readonly #nowMs: () => number
  #wake: () => void = () => undefined

  constructor(socket: Socket, nowMs: () => number) {
    this.socket = socket
    this.#nowMs = nowMs
    this.cut = new Promise((resolve) => {
      const onCut = (): void => {
        if (!this.isCut && !this.isStopped) {
          this.isCut = true
          this.cutMs = nowMs()
        }
        this.#wake()
        resolve()
      }
      socket.on('error', () => undefined)
      socket.on('end', onCut)
      socket.on('close', onCut)
    })
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length
    })
    socket.on('drain', () => this.#wake())
  }

  /** Reads nothing from now on. A cut is then seen only when a write fails. */
  stopReading(): void {
    this.socket.pause()
  }

  /** The attack has now done more than may be done. Only the first time counts. */
  passed(): void {
    this.passedMs ??= this.#nowMs()
  }

  /** Sends, and waits while too much is under way. At least one turn passes, so that a cut is noticed. */
  async send(...octets: readonly (Buffer | string)[]): Promise<void> {
    if (this.isCut || this.isStopped) return
    this.socket.cork()
    for (const one of octets) this.socket.write(one, 'latin1')
    this.socket.uncork()
    await new Promise((resolve) => setImmediate(resolve))
    while (this.socket.writableLength > HIGH_BYTES && !this.isCut && !this.isStopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The start of an HTTP/2 client that knows the server's settings. */
  begin(...pairs: [number, number][]): Promise<void> {
    return this.send(CLIENT_PREFACE, settings(...pairs), frame(4, 1, 0))
  }

  /** Waits, unless it is cut or stopped meanwhile. */
  async pause(ms: number): Promise<void> {
    if (this.isCut || this.isStopped) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, ms)
    })
    clearTimeout(timer)
  }

  /** Ends the attack, whatever it waits for. */
  stop(): void {
    this.isStopped = true
    this.#wake()
  }
}
