import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { err, ok, type Result } from '../../certs/result.ts'
import type { Protocol } from '../config/resources.ts'
import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { listenProblem } from '../core/listen-problem.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import type { RequestHead } from '../http/head.ts'
import type { DownstreamStream, StreamHandler, WireRefusal } from '../http/streams.ts'
import type { Http1Counters } from '../http1/http1-counters.ts'
import type { Http2Counters } from '../http2/stream/http2-counters.ts'
import { connectHead, TcpDownstream } from '../tunnel/tcp-downstream.ts'
import type { PlainConnection } from './awaiting-connection.ts'
import { DetectedConnection } from './detected-connection.ts'
import type { ProtocolMemory } from './protocol-memory.ts'
import { UndeclaredConnection } from './undeclared-connection.ts'

/** What listeners without TLS need. */
export interface PlainListenerDeps {
  readonly clock: Clock
  readonly wheel: TimerWheel
  /** Where the defences of HTTP/2 are counted. */
  readonly counters: Http2Counters
  /** … and of HTTP/1. */
  readonly http1Counters: Http1Counters
  /** What undeclared ports turned out to speak. */
  readonly protocols: ProtocolMemory
}

/** Where the connections of a listener go. */
export interface CapturedPort {
  readonly protocol: Protocol
  /** Host and port that the CONNECT of a connection names which is carried as it is; also its name in the memory. */
  readonly authority: string
}

/** Where a TLS client means to go that names a host and nothing else. */
const TLS_PORT = 443

/** Listeners without TLS: of our application, or of callers without a sidecar. `Peer` says which listener a request came to. */
export abstract class PlainListeners<Peer> implements StreamHandler<Peer> {
  readonly #deps: PlainListenerDeps
  readonly #servers: Server[] = []
  readonly #connections = new Set<PlainConnection>()
  /** Connections that came before the first snapshot was there: they wait, and fail nothing. */
  #early: Map<Socket, Peer> | undefined = new Map()
  #isDraining = false

  constructor(deps: PlainListenerDeps) {
    this.#deps = deps
  }

  abstract onRequest(head: RequestHead, end: boolean, stream: DownstreamStream, peer: Peer): void
  abstract onRefused(refusal: WireRefusal, peer: Peer): void

  /** Where a listener leads, as far as that is known; undefined: where each request, or TLS client, says. */
  protected abstract portOf(peer: Peer): CapturedPort | undefined

  /** Binds one listener. The port that 0 became, or why it can't; `flag` is where the address comes from. */
  listen(
    address: { readonly host: string; readonly port: number },
    peer: Peer,
    flag: string,
  ): Promise<Result<number, string>> {
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#onConnection(socket, peer))
    server.maxConnections = LIMITS.listenerConnectionCount
    this.#servers.push(server)
    return new Promise((resolve) => {
      server.once('error', (error: NodeJS.ErrnoException) => resolve(err(listenProblem(flag, address, error))))
      server.listen(address.port, address.host, () => resolve(ok((server.address() as AddressInfo).port)))
    })
  }

  /** The first snapshot is there: what waited is served. */
  open(): void {
    const early = this.#early
    this.#early = undefined
    for (const [socket, peer] of early ?? []) this.#serve(socket, peer)
  }

  /** For gauges. */
  get connectionCount(): number {
    return this.#connections.size
  }

  /** Exchanges in flight. */
  get activeCount(): number {
    let count = 0
    for (const connection of this.#connections) if (!connection.isIdle) count++
    return count
  }

  /** Answers from now on close their connections; idle ones close at once. */
  drain(): void {
    this.#isDraining = true
    for (const connection of this.#connections) connection.drain()
  }

  /** Stops listening and breaks off what is left. */
  async close(): Promise<void> {
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
    for (const socket of this.#early?.keys() ?? []) socket.destroy()
    for (const connection of this.#connections) connection.destroy()
    await Promise.all(closed)
  }

  #onConnection(socket: Socket, peer: Peer): void {
    const early = this.#early
    if (early === undefined) return void this.#serve(socket, peer)
    early.set(socket, peer)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => early.delete(socket))
  }

  /** What is spoken on an accepted connection, which is paused, is what its port says, else what its first octets do. */
  #accept(socket: Socket, peer: Peer, onClosed: () => void): PlainConnection {
    const { clock, wheel, counters, http1Counters, protocols } = this.#deps
    const port = this.portOf(peer)
    const options = { handler: this, peer, clock, wheel, counters, http1Counters, onClosed }
    if (port?.protocol === 'tcp') {
      const stream = new TcpDownstream(socket, onClosed)
      this.onRequest(connectHead(port.authority), false, stream, peer)
      return stream
    }
    if (port !== undefined && port.protocol !== 'auto') return new DetectedConnection(socket, options)
    return new UndeclaredConnection(socket, {
      ...options,
      port: port?.authority,
      memory: protocols,
      carry: (stream, serverName) =>
        this.onRequest(connectHead(port?.authority ?? `${serverName}:${TLS_PORT}`), false, stream, peer),
    })
  }

  #serve(socket: Socket, peer: Peer): void {
    const connection: PlainConnection = this.#accept(socket, peer, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    if (this.#isDraining) connection.drain()
  }
}
