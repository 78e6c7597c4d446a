import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { TrustBundle } from '../../certs/bundle.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import { controlPlaneId } from '../../certs/spiffe-id.ts'
import type { Address } from '../config/bootstrap.ts'
import type { Clock } from '../core/clock.ts'
import type { IdentityStore } from '../mtls/identity-store.ts'
import { controlChannelOptions } from '../mtls/tls-contexts.ts'
import { verifyPeer } from '../mtls/verify-peer.ts'

export interface ChannelDeps {
  readonly clock: Clock
  readonly identities: IdentityStore
  /** The roots that were given at the start; those of the identity take their place. */
  readonly bundle: TrustBundle
  /** Control planes, tried in turn. */
  readonly addresses: readonly Address[]
  /** TCP and TLS together, ms. */
  readonly connectTimeoutMs?: number
}

const CONNECT_TIMEOUT_MS = 5_000

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

  /** A new connection, which the caller closes. After a failure the next one goes to the next address in turn. */
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
    // The streams hear of it as well; without a listener it would end the process.
    session.on('error', () => session.destroy())
    return ok(session)
  }

  #secure(address: Address): Promise<Result<TLSSocket, string>> {
    const { clock, identities, bundle: given, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#deps
    const identity = identities.current
    const bundle = identity?.bundle ?? given
    return new Promise((resolve) => {
      const socket = connectTls({ ...controlChannelOptions(identity, bundle), host: address.host, port: address.port })
      const finish = (trouble: string | undefined): void => {
        timer.cancel()
        if (trouble !== undefined) socket.destroy()
        resolve(trouble === undefined ? ok(socket) : err(trouble))
      }
      const timer = clock.after(connectTimeoutMs, () => finish(`no TLS connection within ${connectTimeoutMs} ms`))
      socket.on('error', (error) => finish(error.message))
      socket.once('secureConnect', () => {
        const wanted = controlPlaneId(bundle.trustDomain)
        const expected = { bundle, wallMs: clock.wallMs(), identities: wanted.ok ? [wanted.value.text] : [] }
        const peer = verifyPeer(socket, expected)
        finish(peer.ok ? undefined : `it is not believed: ${peer.error.sentence}`)
      })
    })
  }
}
