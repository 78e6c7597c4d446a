import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { resetSocket } from '../../sidecar/connection/reset-socket.ts'

/** Most that one relay keeps of what passes. */
const KEPT_BYTES = 64 * 1024 * 1024

/**
 * Stands between two processes and passes bytes on: what crosses the wire can be looked at, cut and refused.
 * It listens on `host` at a port that `port` says, and connects to `target` at the same port.
 */
export class ByteRelay implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #target: string
  readonly #sockets = new Set<Socket>()
  readonly #kept: Buffer[] = []
  #keptBytes = 0
  /** Connections that were accepted. */
  connectionCount = 0
  isCapturing = false

  private constructor(server: Server, target: string) {
    this.#server = server
    this.#target = target
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket) => this.#relay(socket))
  }

  /** Listens on a free port of `host`. */
  static start(host: string, target: string): Promise<ByteRelay> {
    const server = createServer({ pauseOnConnect: true, noDelay: true })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, host, () => resolve(new ByteRelay(server, target)))
    })
  }

  /** All that passed in both directions since capturing was switched on. */
  get captured(): Buffer {
    return Buffer.concat(this.#kept)
  }

  /** Pairs of sockets that are open. */
  get openCount(): number {
    return this.#sockets.size / 2
  }

  /** Breaks what is open with RST, as a cable or a kernel would; new connections are relayed again. */
  cut(): void {
    for (const socket of [...this.#sockets]) resetSocket(socket)
  }

  /** Breaks everything, and refuses from now on. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.cut()
    await closed
  }

  #relay(from: Socket): void {
    this.connectionCount++
    const to = connect({ host: this.#target, port: this.port, noDelay: true })
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.#sockets.add(one)
      one.on('data', (chunk: Buffer) => {
        this.#keep(chunk)
        if (!other.write(chunk)) one.pause()
      })
      one.on('drain', () => other.resume())
      one.on('end', () => other.end())
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
    to.once('connect', () => from.resume())
  }

  #keep(chunk: Buffer): void {
    if (!this.isCapturing || this.#keptBytes > KEPT_BYTES) return
    this.#kept.push(Buffer.from(chunk))
    this.#keptBytes += chunk.length
  }
}
