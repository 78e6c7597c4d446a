import type { TLSSocket } from 'node:tls'
import type { TrustBundle } from '../../certs/bundle.ts'
import { peerChainOf } from '../../certs/peer-chain.ts'
import type { RefusalReason } from '../../certs/refusal.ts'
import { refusal } from '../../certs/refusal.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import { verifyChain } from '../../certs/verify-chain.ts'
import { ALPN_PROTOCOL } from './tls-contexts.ts'

/** Who is at the other end. */
export interface Peer {
  /** SPIFFE ID in its one spelling; compare it literally. */
  readonly identity: string
  /** When its chain ends, wall-clock ms: the connection must be drained before. */
  readonly notAfterMs: number
}

/** Why a peer is refused: a code for metrics, a sentence for a person. */
export interface PeerRefusal {
  readonly reason: RefusalReason | 'resumed-session' | 'wrong-protocol'
  readonly sentence: string
}

/** Whom to believe, when, and who is expected. */
export interface PeerExpectation {
  readonly bundle: TrustBundle
  readonly wallMs: number
  /** Identities that the peer may have; absent means everyone in the trust domain. An empty list refuses everyone. */
  readonly identities?: readonly string[]
}

/**
 * Who is at the other end of a TLS connection whose handshake is done ('secureConnect', 'secureConnection').
 *
 * Everything is verified again from the DER, against the roots as they are now: OpenSSL checked the chain, but neither
 * the SPIFFE ID nor the rules of an SVID. Refused besides: a resumed session, which shows no certificate
 * (CVE-2025-23419), and any ALPN protocol but `h2`. The caller destroys the socket on a refusal. About 0.4 ms.
 */
export function verifyPeer(socket: TLSSocket, expected: PeerExpectation): Result<Peer, PeerRefusal> {
  if (socket.isSessionReused()) {
    return err({ reason: 'resumed-session', sentence: 'the peer resumed an earlier session, which proves no identity' })
  }
  if (socket.alpnProtocol !== ALPN_PROTOCOL) {
    const sentence = `the peer speaks ${JSON.stringify(socket.alpnProtocol)} by ALPN; a mesh link speaks "${ALPN_PROTOCOL}"`
    return err({ reason: 'wrong-protocol', sentence })
  }
  const verified = verifyChain(peerChainOf(socket), expected.bundle, expected.wallMs)
  if (!verified.ok) return verified
  const { id, notAfterMs } = verified.value
  if (expected.identities !== undefined && !expected.identities.includes(id.text)) {
    return err(refusal('unexpected-identity', id.text))
  }
  return ok({ identity: id.text, notAfterMs })
}
