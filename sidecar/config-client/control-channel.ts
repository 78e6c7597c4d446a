import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect as connectTls, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import type { TrustBundle } from '../../certs/bundle.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import { verifyChain } from '../../certs/verify-chain.ts'
import type { Address } from '../config/bootstrap.ts'
import type { Clock } from '../core/clock.ts'

/** What a connection to the control plane shows, and what it believes. */
export interface ChannelCredentials {
  /** The certificate in use: leaf first; undefined before the first one. */
  certificate(): { readonly keyPem: string; readonly chainPem: readonly string[] } | undefined
  /** The roots by which the control plane is recognized now. */
  bundle(): TrustBundle
}

export interface ChannelDeps {
  readonly clock: Clock
  readonly credentials: ChannelCredentials
  /** Tried in turn. */
  readonly addresses: readonly Address[]
  /** TCP and TLS together, ms. */
  readonly connectTimeoutMs: number
}

/** The identity of every control plane of a trust domain. */
export const controlPlaneId = (trustDomain: string): string => `spiffe://${trustDomain}/ns/outrigger/sa/control-plane`

/**
 * Connections to the control plane: HTTP/2 over TLS 1.3. Nothing is sent, a join token least of all, before the other
 * end has proven to be the control plane of our own trust domain.
 */
export class ControlChannel {
  readonly #deps: ChannelDeps
  #next = 0

  constructor(deps: ChannelDeps) {
    this.#deps = deps
  }

  get hasCertificate(): boolean {
    return this.#deps.credentials.certificate() !== undefined
  }

  /** A new connection, to the next address in turn when the one before failed. The caller closes it. */
  async connect(): Promise<Result<ClientHttp2Session, string>> {
    const address = this.#deps.addresses[this.#next % this.#deps.addresses.length]
    if (address === undefined) return err('no address of a control plane is known')
    const socket = await this.#secure(address)
    if (!socket.ok) {
      this.#next++
      return err(`control plane ${address.host}:${address.port}: ${socket.error}`)
    }
    const session = connectHttp2(`https://${address.host}:${address.port}`, {
      createConnection: () => socket.value,
      settings: { enablePush: false, initialWindowSize: 1024 * 1024 },
    })
    // Streams hear of it as well; without a listener it would end the process.
    session.on('error', () => session.destroy())
    return ok(session)
  }

  #secure(address: Address): Promise<Result<TLSSocket, string>> {
    const { clock, credentials, connectTimeoutMs } = this.#deps
    const bundle = credentials.bundle()
    const shown = credentials.certificate()
    return new Promise((resolve) => {
      const socket = connectTls({
        host: address.host,
        port: address.port,
        ALPNProtocols: ['h2'],
        minVersion: 'TLSv1.3',
        // The chain is judged below, as an X.509-SVID: OpenSSL's own check knows host names only.
        rejectUnauthorized: false,
        ...(shown === undefined ? {} : { key: shown.keyPem, cert: shown.chainPem.join('\n') }),
      })
      const fail = (reason: string): void => {
        timer.cancel()
        socket.destroy()
        resolve(err(reason))
      }
      const timer = clock.after(connectTimeoutMs, () => fail(`no TLS connection within ${connectTimeoutMs} ms`))
      socket.on('error', (error) => fail(error.message))
      socket.once('secureConnect', () => {
        const verified = verifyChain(chainOf(socket), bundle, clock.wallMs())
        if (!verified.ok) return fail(`its certificate is refused: ${verified.error.sentence}`)
        const wanted = controlPlaneId(bundle.trustDomain)
        if (verified.value.id.text !== wanted) return fail(`it is ${verified.value.id.text}, not ${wanted}`)
        if (socket.alpnProtocol !== 'h2') return fail('it does not speak HTTP/2')
        timer.cancel()
        resolve(ok(socket))
      })
    })
  }
}

/** The certificates that the peer showed, leaf first, DER. */
function chainOf(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = []
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true)
  while (next?.raw !== undefined && !chain.some((der) => next !== undefined && der.equals(next.raw))) {
    chain.push(next.raw)
    next = next.issuerCertificate
  }
  return chain
}
