import { constants } from 'node:crypto'
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TlsOptions,
} from 'node:tls'
import { rootsPemOf, type TrustBundle } from '../../certs/bundle.ts'
import { toCertificatePem } from '../../certs/certificate.ts'
import { toPrivateKeyPem } from '../../certs/key-pair.ts'
import type { Identity } from './identity.ts'
import type { IdentityStore } from './identity-store.ts'

/** The one protocol of the mesh link and of the control channel. */
export const ALPN_PROTOCOL = 'h2'

/**
 * No tickets: a resumed session skips the verification of certificates (CVE-2025-23419). In TLS 1.3 this makes OpenSSL
 * offer tickets that point into a session cache, and we keep none, so nothing can be resumed; `verifyPeer` refuses it besides.
 */
const NO_RESUMPTION = constants.SSL_OP_NO_TICKET

/** What both ends of every connection share. `ca` is always given: without it Node would believe the public roots. */
function securityOf(identity: Identity | undefined, bundle: TrustBundle): SecureContextOptions {
  return {
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    ca: [...rootsPemOf(bundle)],
    secureOptions: NO_RESUMPTION,
    ...(identity === undefined
      ? {}
      : { key: toPrivateKeyPem(identity.keyPair), cert: identity.chain.map(toCertificatePem).join('') }),
  }
}

/**
 * Options of the listener of mesh links: TLS 1.3 only, a client certificate from our roots only, ALPN `h2` only.
 * The handshake refuses strangers; `verifyPeer` then says who it is, and must be asked before the first octet is used.
 */
export const linkServerOptions = (identity: Identity): TlsOptions => ({
  ...securityOf(identity, identity.bundle),
  requestCert: true,
  rejectUnauthorized: true,
  ALPNProtocols: [ALPN_PROTOCOL],
})

/** One context for each identity: making one parses key and certificates, which each connection need not pay for. */
const clientContexts = new WeakMap<Identity, SecureContext>()

function clientContextOf(identity: Identity): SecureContext {
  const known = clientContexts.get(identity)
  if (known !== undefined) return known
  const context = createSecureContext(securityOf(identity, identity.bundle))
  clientContexts.set(identity, context)
  return context
}

/**
 * Options of a mesh link that we open, to be spread into `tls.connect` with host and port. Names are not checked, as
 * SVIDs have none: `verifyPeer` with the expected identity takes that place and must be asked at 'secureConnect'.
 */
export const linkClientOptions = (identity: Identity): ConnectionOptions => ({
  secureContext: clientContextOf(identity),
  rejectUnauthorized: true,
  ALPNProtocols: [ALPN_PROTOCOL],
  checkServerIdentity: () => undefined,
})

/**
 * Options of the connection to the control plane: as a mesh link once we have an identity, without a client certificate
 * before (the join token speaks for us then). `bundle` has the roots that were given at the start, used until there are
 * better ones. `verifyPeer` with the control plane's identity must be asked at 'secureConnect'.
 */
export function controlChannelOptions(identity: Identity | undefined, bundle: TrustBundle): ConnectionOptions {
  if (identity !== undefined) return linkClientOptions(identity)
  return {
    ...securityOf(undefined, bundle),
    rejectUnauthorized: true,
    ALPNProtocols: [ALPN_PROTOCOL],
    checkServerIdentity: () => undefined,
  }
}

/**
 * Makes a listener of mesh links use each new identity for the handshakes that follow; connections that are open keep
 * theirs. Dispose when the listener closes.
 */
export function followIdentity(server: Server, store: IdentityStore): Disposable {
  return store.subscribe((identity) => server.setSecureContext(linkServerOptions(identity)))
}
