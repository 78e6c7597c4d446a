import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { err, ok, type Result } from '../../certs/result.ts'
import type { Address } from '../config/bootstrap.ts'
import { Http1ServerConnection } from '../connection/http1-server-connection.ts'
import { LIMITS } from '../core/limits.ts'
import { listenProblem } from '../core/listen-problem.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import type { RequestHead } from '../http/head.ts'
import type { DownstreamStream, StreamHandler } from '../http/streams.ts'
import { Exchange, type ExchangeDeps } from '../pipeline/exchange.ts'
import type { OutboundLane } from './outbound-lane.ts'

/** Where a listener's requests go: one service, or by Host. */
export interface ListenerTarget {
  /** `namespace/name`; undefined: the Host field says it. */
  readonly service: string | undefined
  readonly port: number | undefined
}

/** What the application's listeners need. */
export interface OutboundDeps extends ExchangeDeps {
  readonly lane: OutboundLane
  readonly wheel: TimerWheel
}

/** The listeners that the application calls: plain HTTP/1.1 on loopback. */
export class OutboundProxy implements StreamHandler<ListenerTarget> {
  readonly #deps: OutboundDeps
  readonly #servers: Server[] = []
  readonly #connections = new Set<Http1ServerConnection<ListenerTarget>>()
  /** Connections that came before the first snapshot was there: they wait, and fail nothing. */
  #early: Map<Socket, ListenerTarget> | undefined = new Map()
  #isDraining = false

  constructor(deps: OutboundDeps) {
    this.#deps = deps
  }

  /** Binds one listener. The port that 0 became, or why it can't. */
  listen(address: Address, target: ListenerTarget, flag: string): Promise<Result<number, string>> {
    const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.#onConnection(socket, target))
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
    for (const [socket, target] of early ?? []) this.#serve(socket, target)
  }

  onRequest(head: RequestHead, end: boolean, stream: DownstreamStream, target: ListenerTarget): void {
    const exchange = new Exchange(this.#deps.lane, this.#deps, head, end, stream)
    stream.attach(exchange)
    this.#deps.lane.address(exchange, target.service, target.port)
    exchange.begin()
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

  #onConnection(socket: Socket, target: ListenerTarget): void {
    const early = this.#early
    if (early === undefined) return void this.#serve(socket, target)
    early.set(socket, target)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => early.delete(socket))
  }

  #serve(socket: Socket, target: ListenerTarget): void {
    const connection: Http1ServerConnection<ListenerTarget> = new Http1ServerConnection(socket, {
      handler: this,
      peer: target,
      wheel: this.#deps.wheel,
      onClosed: () => this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    if (this.#isDraining) connection.drain()
  }
}
