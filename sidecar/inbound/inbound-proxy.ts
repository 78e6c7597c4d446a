import type { AddressInfo, Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { err, ok, type Result } from '../../certs/result.ts'
import type { Address } from '../config/bootstrap.ts'
import { Http2ServerConnection } from '../connection/http2-server-connection.ts'
import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { listenProblem } from '../core/listen-problem.ts'
import type { Logger } from '../core/logger.ts'
import type { TimerWheel } from '../core/timer-wheel.ts'
import type { RequestHead } from '../http/head.ts'
import type { DownstreamStream, StreamHandler, WireRefusal } from '../http/streams.ts'
import { LINK_SETTINGS } from '../http2/http2-settings.ts'
import type { Http2Counters } from '../http2/stream/http2-counters.ts'
import type { IdentityStore } from '../mtls/identity-store.ts'
import { ALPN_PROTOCOL, followIdentity } from '../mtls/tls-contexts.ts'
import { type Peer, verifyPeer } from '../mtls/verify-peer.ts'
import type { ExchangeDeps } from '../pipeline/lane-deps.ts'
import { beginInbound } from './begin-inbound.ts'
import type { Caller, InboundLane } from './inbound-lane.ts'

/** What the listener of mesh links needs. */
export interface InboundDeps extends ExchangeDeps {
  readonly identities: IdentityStore
  readonly lane: InboundLane
  readonly clock: Clock
  readonly wheel: TimerWheel
  readonly log: Logger
  /** Where defences are counted. */
  readonly counters: Http2Counters
  /** Hears of peers that were refused, by reason. */
  readonly onRefusedPeer: (reason: string) => void
}

/** A link is drained this long before the certificate that its peer showed ends; a short-lived one, at nine tenths of what is left. */
const DRAIN_BEFORE_EXPIRY_MS = 60_000

/** The listener of mesh links: mutual TLS 1.3, then HTTP/2 whose streams are requests for our application. */
export class InboundProxy implements StreamHandler<Caller> {
  readonly #deps: InboundDeps
  readonly #server: Server
  readonly #connections = new Set<Http2ServerConnection<Caller>>()
  /** All that is accepted, also while it is in its handshake. */
  readonly #sockets = new Set<Socket>()
  readonly #following: Disposable
  #isDraining = false
  /** Resolves when the listener and all that it accepted is closed; undefined while it listens. */
  #closed: Promise<void> | undefined

  constructor(deps: InboundDeps) {
    this.#deps = deps
    this.#server = createServer({
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: [ALPN_PROTOCOL],
      noDelay: true,
      handshakeTimeout: LIMITS.headTimeoutMs,
    })
    this.#server.maxConnections = LIMITS.listenerConnectionCount
    // Without an identity there is no certificate to show: handshakes fail until the first one is there.
    this.#following = followIdentity(this.#server, deps.identities)
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('secureConnection', (socket) => this.#onConnection(socket))
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      deps.onRefusedPeer(error.code ?? 'handshake')
      socket.destroy() // Node tells of a handshake that takes too long, and leaves its connection open
    })
  }

  /** Binds. The port that 0 became, or why it can't. */
  listen(address: Address): Promise<Result<number, string>> {
    return new Promise((resolve) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        resolve(err(listenProblem('--inbound', address, error))),
      )
      this.#server.listen(address.port, address.host, () => resolve(ok((this.#server.address() as AddressInfo).port)))
    })
  }

  onRequest(head: RequestHead, end: boolean, stream: DownstreamStream, peer: Caller): void {
    beginInbound(this.#deps, { head, end, stream }, peer)
  }

  onRefused(refusal: WireRefusal, { identity }: Caller): void {
    this.#deps.lane.onRefused(refusal, identity)
  }

  /** For gauges. */
  get counts(): { readonly links: number; readonly streams: number } {
    let streams = 0
    for (const connection of this.#connections) streams += connection.openStreamCount
    return { links: this.#connections.size, streams }
  }

  /**
   * Tells every peer to make its next request elsewhere; what is in flight goes on (GOAWAY in two steps). New links are
   * refused: a caller that has not heard yet tries elsewhere at once, and would make links without end here.
   * Done when no link is left: one without streams may still carry a request that is under way to us.
   */
  drain(): void {
    this.#isDraining = true
    this.#stopListening()
    for (const connection of this.#connections) connection.drain()
  }

  /** Stops listening and breaks off what is left. */
  async close(): Promise<void> {
    this.#following[Symbol.dispose]()
    this.#stopListening()
    for (const connection of this.#connections) connection.destroy()
    for (const socket of this.#sockets) socket.destroy() // whoever never ended a handshake must not hold us
    await this.#closed
  }

  #stopListening(): void {
    this.#closed ??= new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #onConnection(socket: TLSSocket): void {
    const { identities, clock, onRefusedPeer, log } = this.#deps
    const identity = identities.current
    if (identity === undefined) return void socket.destroy()
    const verified = verifyPeer(socket, { bundle: identity.bundle, wallMs: clock.wallMs() })
    if (!verified.ok) {
      onRefusedPeer(verified.error.reason)
      log.warn('peer refused', { reason: verified.error.sentence, address: socket.remoteAddress })
      return void socket.destroy()
    }
    this.#serve(socket, verified.value, identity.id.text)
  }

  #serve(socket: TLSSocket, peer: Peer, ourIdentity: string): void {
    const { clock, wheel, counters } = this.#deps
    const linkPeer: Caller = {
      identity: peer.identity,
      address: socket.remoteAddress ?? '',
      // The characters of a SPIFFE ID need no escaping here (Envoy GHSA-w5w5-487h-qv8q: a field made of a certificate's name).
      clientCertField: `By=${ourIdentity};URI=${peer.identity}`,
    }
    const connection: Http2ServerConnection<Caller> = new Http2ServerConnection(socket, {
      handler: this,
      peer: linkPeer,
      settings: LINK_SETTINGS,
      keepAlive: true,
      clock,
      wheel,
      counters,
      onClosed: () => {
        this.#connections.delete(connection)
        expiry.cancel()
      },
    })
    this.#connections.add(connection)
    const leftMs = peer.notAfterMs - clock.wallMs()
    const expiry = clock.after(Math.max(leftMs - DRAIN_BEFORE_EXPIRY_MS, leftMs * 0.9), () => connection.drain(), {
      background: true,
    })
    if (this.#isDraining) connection.drain()
  }
}
