import type { Socket } from 'node:net'
import { isHttpAtEnd, type Spoken, spokenFirst } from '../connection/spoken.ts'
import { LIMITS } from '../core/limits.ts'
import { type Doubt, type TcpBeginning, TcpDownstream } from '../tunnel/tcp-downstream.ts'
import { AwaitingConnection, type CapturedOptions } from './awaiting-connection.ts'
import { readServerName } from './client-hello.ts'
import type { ProtocolMemory, ToldProtocol } from './protocol-memory.ts'

/** What a connection is made with that may speak anything. */
export interface UndeclaredOptions<Peer> extends CapturedOptions<Peer> {
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
export class UndeclaredConnection<Peer> extends AwaitingConnection<UndeclaredOptions<Peer>> implements Doubt {
  /** Opened in doubt. */
  #doubted: TcpDownstream | undefined
  #hasAskedCallee: boolean

  constructor(socket: Socket, options: UndeclaredOptions<Peer>) {
    const { port, memory } = options
    super(socket, options, port === undefined ? LIMITS.idleConnectionMs : memory.silenceMs(port))
    this.#hasAskedCallee = port === undefined
  }

  /** The caller was silent: its callee may be the one to speak. Or it began something and did not go on. */
  override onTimeout(): void {
    if (this.#hasAskedCallee || this.early !== undefined) return this.destroy()
    this.#hasAskedCallee = true
    this.#doubted = this.#tunnel({ doubt: this })
  }

  // ---- nobody has spoken, or too little ----

  /** A caller that ends before it is clear what it speaks says no more: it is carried as it is, and so is its silence. */
  protected override onEnd(): void {
    const octets = this.early
    if (this.options.port === undefined) return this.destroy()
    if (octets !== undefined && !isHttpAtEnd(octets)) return this.#carry('tcp', { octets, isEnded: true })
    if (octets !== undefined || this.#hasAskedCallee) return this.destroy()
    this.served = this.#tunnel({ isEnded: true })
  }

  protected hear(octets: Buffer): void {
    const spoken = spokenFirst(octets)
    if (spoken === 'more') this.waitFor(octets)
    else if (spoken === 'http1' || spoken === 'http2') this.#serve(spoken, octets)
    else if (this.options.port === undefined) this.#carryByName(spoken, octets)
    else this.#carry(spoken, { octets })
  }

  #serve(spoken: 'http1' | 'http2', octets: Buffer): void {
    this.#note(spoken)
    this.serveHttp(spoken, octets)
  }

  #carry(spoken: 'tls' | 'tcp', beginning: TcpBeginning, serverName = ''): void {
    this.#note(spoken)
    this.served = this.#tunnel(beginning, serverName)
  }

  #carryByName(spoken: Spoken, octets: Buffer): void {
    const read = spoken === 'tls' ? readServerName(octets) : undefined
    if (read?.ok !== true || read.value === '') return this.destroy()
    if (read.value === undefined) return this.waitFor(octets)
    this.#carry('tls', { octets: Buffer.from(octets) }, read.value)
  }

  #tunnel(beginning: TcpBeginning, serverName = ''): TcpDownstream {
    this.unlisten()
    const stream = new TcpDownstream(this.socket, this.onGone, beginning)
    this.options.carry(stream, serverName)
    return stream
  }

  #note(protocol: ToldProtocol): void {
    const { port, memory } = this.options
    if (port !== undefined) memory.note(port, protocol)
  }

  // ---- the tunnel is open, and in doubt ----

  heard(octets: Buffer): void {
    const spoken = spokenFirst(octets)
    if (spoken === 'more') {
      if (this.wheelSlot < 0) this.options.wheel.schedule(this, LIMITS.headTimeoutMs)
      return
    }
    const tunnel = this.#doubted
    this.#doubted = undefined
    this.options.wheel.cancel(this)
    if (spoken === 'http1' || spoken === 'http2') {
      tunnel?.giveBack()
      this.#serve(spoken, octets)
      return
    }
    this.#note(spoken)
    this.served = tunnel
    tunnel?.believe()
  }

  settled(isSpoken: boolean): void {
    this.options.wheel.cancel(this)
    if (isSpoken) this.#note('callee-first')
    this.served = this.#doubted
    this.#doubted = undefined
  }

  refused(octets: Buffer | undefined): void {
    this.#doubted = undefined
    this.early = octets
    this.listen()
    this.options.wheel.schedule(this, octets === undefined ? LIMITS.idleConnectionMs : LIMITS.headTimeoutMs)
  }
}
