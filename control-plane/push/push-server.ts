import { constants as sslConstants } from 'node:crypto'
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { TLSSocket } from 'node:tls'
import { err, ok, type Result } from '../../certs/result.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import { LIMITS } from '../../sidecar/core/limits.ts'
import type { ServerCertificate, ServerCredentials } from '../authority/server-certificate.ts'
import type { Signing } from '../authority/signing.ts'
import type { PeerIdentity, PushHub } from './push-hub.ts'
import { refuse } from './refuse.ts'
import { serveSign } from './serve-sign.ts'
import { serveWatch } from './serve-watch.ts'

export interface PushServerDeps {
  readonly clock: Clock
  readonly hub: PushHub
  readonly signing: Signing
  readonly certificate: ServerCertificate
  /** The identity that a connection has proven, or why it has none. */
  readonly peerOf: (socket: TLSSocket) => Result<PeerIdentity, string>
}

/** Streams that one sidecar may have open: a watch, renewals, and room for both to be repeated. */
const MAX_STREAMS = 16

/** The control plane's port towards sidecars: HTTP/2 over TLS 1.3 with `POST /v1/sign` and `POST /v1/watch`. */
export class PushServer {
  readonly #deps: PushServerDeps
  readonly #server: Http2SecureServer
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #renewals: Disposable

  constructor(deps: PushServerDeps) {
    this.#deps = deps
    this.#server = createSecureServer({
      ...SECURITY,
      ALPNProtocols: ['h2'],
      allowHTTP1: false,
      // The certificate is asked for and judged by `peerOf`: signing with a join token works without one.
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: LIMITS.headTimeoutMs,
      settings: { maxConcurrentStreams: MAX_STREAMS, enablePush: false, maxHeaderListSize: LIMITS.requestLineBytes },
    })
    // Each certificate counts for the handshakes that follow it.
    this.#renewals = deps.certificate.subscribe((credentials) => this.#server.setSecureContext(toContext(credentials)))
    this.#server.maxConnections = LIMITS.listenerConnectionCount
    this.#server.on('session', (session) => this.#onSession(session))
    this.#server.on('stream', (stream, headers) => this.#onStream(stream as ServerHttp2Stream, headers))
  }

  /** The port that it listens on. */
  listen(port: number, host: string): Promise<Result<number, NodeJS.ErrnoException>> {
    return new Promise((resolve) => {
      const onError = (error: NodeJS.ErrnoException): void => resolve(err(error))
      this.#server.once('error', onError)
      this.#server.listen(port, host, () => {
        this.#server.off('error', onError)
        // A peer's broken connection is the peer's trouble.
        this.#server.on('error', () => undefined)
        resolve(ok((this.#server.address() as AddressInfo).port))
      })
    })
  }

  /** Ends all streams in order, then the connections that are left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#renewals[Symbol.dispose]()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.close()
    const timer = this.#deps.clock.after(graceMs, () => {
      for (const session of this.#sessions) session.destroy()
    })
    await closed
    timer.cancel()
  }

  #onSession(session: ServerHttp2Session): void {
    this.#sessions.add(session)
    session.on('close', () => this.#sessions.delete(session))
    session.on('error', () => session.destroy())
    // Pings of a watch are more frequent; whoever opens a connection and does nothing is shown out.
    session.setTimeout(LIMITS.idleConnectionMs, () => session.destroy())
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined)
    const path = String(headers[constants.HTTP2_HEADER_PATH])
    const socket = stream.session?.socket
    const peer = socket instanceof TLSSocket ? this.#deps.peerOf(socket) : err('the connection is not TLS')
    const isKnown = path === '/v1/sign' || path === '/v1/watch'
    if (!isKnown) refuse(stream, 404, { what: 'there is nothing here', where: path, allowed: '/v1/sign, /v1/watch' })
    else if (headers[constants.HTTP2_HEADER_METHOD] !== 'POST')
      refuse(stream, 405, { what: 'the method is not allowed', where: path, allowed: 'POST' })
    else if (path === '/v1/sign') serveSign(stream, headers, peer, this.#deps)
    else if (peer.ok) serveWatch(stream, peer.value, this.#deps)
    else refuse(stream, 401, { what: `no identity: ${peer.error}`, where: path, allowed: 'a certificate of this mesh' })
  }
}

/** No tickets: a resumed session would skip the verification of certificates (CVE-2025-23419). */
const SECURITY = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  secureOptions: sslConstants.SSL_OP_NO_TICKET,
} as const

const toContext = ({ keyPem, chainPem, rootsPem }: ServerCredentials) => ({
  ...SECURITY,
  key: keyPem,
  cert: chainPem.join(''),
  ca: [...rootsPem],
})
