import type { Socket } from 'node:net'
import { receiveFrom } from '../connection/shared-read.ts'
import { isHttpAtEnd, type Spoken, spokenFirst } from '../connection/spoken.ts'
import { LIMITS } from '../core/limits.ts'
import type { WheelEntry } from '../core/timer-wheel.ts'
import { type Doubt, type TcpBeginning, TcpDownstream } from '../tunnel/tcp-downstream.ts'
import { readServerName } from './client-hello.ts'
import { type DetectedOptions, type PlainConnection, serveHttp } from './detected-connection.ts'
import type { ProtocolMemory, ToldProtocol } from './protocol-memory.ts'

/** What a connection is made with that may speak anything. */
export interface UndeclaredOptions<Peer> extends DetectedOptions<Peer> {
  /** Begins the tunnel of a connection that is no HTTP. `serverName`: what a TLS client asked for, where `port` is undefined. */
  readonly carry: (stream: TcpDownstream, serverName: string) => void
  /** The port's name in the memory; undefined where the listener goes by names: then TLS is carried by its server's name, and what has none has no way to go. */
  readonly port: string | undefined
  readonly memory: ProtocolMemory
}

/**
 * An accepted connection to a port that does not say what it speaks. Its first octets do: HTTP is served, all else is
 * carried as it is. Nobody waits for a caller that says nothing: after a moment the tunnel is opened, so that the callee
 * may speak first; if the caller then turns out to speak HTTP, the tunnel, through which nothing went, is given up.
 */
export class UndeclaredConnection<Peer> implements PlainConnection, WheelEntry, Doubt {
  wheelNext: WheelEntry | undefined
  wheelPrevious: WheelEntry | undefined
  wheelSlot = -1
  wheelRounds = 0
  readonly #socket: Socket
  readonly #options: UndeclaredOptions<Peer>
  /** What serves it, once that is known. */
  #served: PlainConnection | undefined
  /** Opened in doubt. */
  #doubted: TcpDownstream | undefined
  #early: Buffer | undefined
  #hasAskedCallee: boolean

  constructor(socket: Socket, options: UndeclaredOptions<Peer>) {
    this.#socket = socket
    this.#options = options
    this.#hasAskedCallee = options.port === undefined
    socket.allowHalfOpen = true
    this.#listen()
    const { port, memory, wheel } = options
    wheel.schedule(this, port === undefined ? LIMITS.idleConnectionMs : memory.silenceMs(port))
  }

  get isIdle(): boolean {
    return this.#served?.isIdle ?? true
  }

  drain(): void {
    if (this.#served === undefined) this.destroy()
    else this.#served.drain()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** The caller was silent: its callee may be the one to speak. Or it began something and did not go on. */
  onTimeout(): void {
    if (this.#hasAskedCallee || this.#early !== undefined) return this.destroy()
    this.#hasAskedCallee = true
    this.#doubted = this.#tunnel({ doubt: this })
  }

  // ---- nobody has spoken, or too little ----

  #listen(): void {
    const socket = this.#socket
    receiveFrom(socket, this.#onOctets)
    socket.on('end', this.#onEnd)
    socket.on('error', this.#onError)
    socket.on('close', this.#onGone)
    socket.resume()
  }

  #unlisten(): void {
    const socket = this.#socket
    this.#options.wheel.cancel(this)
    socket.removeListener('end', this.#onEnd)
    socket.removeListener('error', this.#onError)
    socket.removeListener('close', this.#onGone)
  }

  readonly #onOctets = (chunk: Buffer, length: number): void => {
    const come = chunk.subarray(0, length)
    this.#hear(this.#early === undefined ? come : Buffer.concat([this.#early, come]))
  }

  /** A caller that ends before it is clear what it speaks says no more: it is carried as it is, and so is its silence. */
  readonly #onEnd = (): void => {
    const octets = this.#early
    if (this.#options.port === undefined) return this.destroy()
    if (octets !== undefined && !isHttpAtEnd(octets)) return this.#carry('tcp', { octets, isEnded: true })
    if (octets !== undefined || this.#hasAskedCallee) return this.destroy()
    this.#served = this.#tunnel({ isEnded: true })
  }

  readonly #onError = (): void => this.destroy()

  readonly #onGone = (): void => {
    this.#options.wheel.cancel(this)
    this.#options.onClosed()
  }

  #hear(octets: Buffer): void {
    const spoken = spokenFirst(octets)
    if (spoken === 'more') this.#await(octets)
    else if (spoken === 'http1' || spoken === 'http2') this.#serve(spoken, octets)
    else if (this.#options.port === undefined) this.#carryByName(spoken, octets)
    else this.#carry(spoken, { octets })
  }

  #await(octets: Buffer): void {
    if (this.#early === undefined) this.#options.wheel.schedule(this, LIMITS.headTimeoutMs)
    this.#early = Buffer.from(octets)
  }

  #serve(spoken: 'http1' | 'http2', octets: Buffer): void {
    this.#unlisten()
    this.#note(spoken)
    this.#served = serveHttp(this.#socket, spoken, octets, this.#options)
  }

  #carry(spoken: 'tls' | 'tcp', beginning: TcpBeginning, serverName = ''): void {
    this.#note(spoken)
    this.#served = this.#tunnel(beginning, serverName)
  }

  #carryByName(spoken: Spoken, octets: Buffer): void {
    const read = spoken === 'tls' ? readServerName(octets) : undefined
    if (read?.ok !== true) return this.destroy()
    if (read.value.kind === 'more') return this.#await(octets)
    if (read.value.name === '') return this.destroy()
    this.#carry('tls', { octets: Buffer.from(octets) }, read.value.name)
  }

  #tunnel(beginning: TcpBeginning, serverName = ''): TcpDownstream {
    this.#unlisten()
    const stream = new TcpDownstream(this.#socket, this.#onGone, beginning)
    this.#options.carry(stream, serverName)
    return stream
  }

  #note(protocol: ToldProtocol): void {
    const { port, memory } = this.#options
    if (port !== undefined) memory.note(port, protocol)
  }

  // ---- the tunnel is open, and in doubt ----

  heard(octets: Buffer): void {
    const spoken = spokenFirst(octets)
    if (spoken === 'more') {
      if (this.wheelSlot < 0) this.#options.wheel.schedule(this, LIMITS.headTimeoutMs)
      return
    }
    const tunnel = this.#doubted
    this.#doubted = undefined
    this.#options.wheel.cancel(this)
    if (spoken === 'http1' || spoken === 'http2') {
      tunnel?.giveBack()
      this.#serve(spoken, octets)
      return
    }
    this.#note(spoken)
    this.#served = tunnel
    tunnel?.believe()
  }

  settled(isSpoken: boolean): void {
    this.#options.wheel.cancel(this)
    if (isSpoken) this.#note('callee-first')
    this.#served = this.#doubted
    this.#doubted = undefined
  }

  refused(octets: Buffer | undefined): void {
    this.#doubted = undefined
    this.#early = octets
    this.#listen()
    this.#options.wheel.schedule(this, octets === undefined ? LIMITS.idleConnectionMs : LIMITS.headTimeoutMs)
  }
}
