import type { TLSSocket } from 'node:tls'
import type { TrustBundle } from '../../certs/bundle.ts'
import { peerChainOf } from '../../certs/peer-chain.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import { findWorkload } from '../../certs/spiffe-id.ts'
import { verifyChain } from '../../certs/verify-chain.ts'
import type { PeerIdentity } from './push-hub.ts'

/**
 * Who is at the other end of a connection to the control plane, judged from the DER of its certificates against the
 * roots as they are now. A resumed session shows no certificate (CVE-2025-23419) and proves nothing.
 */
export function peerOf(socket: TLSSocket, bundle: TrustBundle, wallMs: number): Result<PeerIdentity, string> {
  if (socket.isSessionReused()) return err('a resumed session proves no identity')
  const chain = peerChainOf(socket)
  if (chain.length === 0) return err('the client showed no certificate')
  const verified = verifyChain(chain, bundle, wallMs)
  if (!verified.ok) return err(verified.error.sentence)
  const workload = findWorkload(verified.value.id)
  if (workload === undefined) return err(`${verified.value.id.text} is not the identity of a workload`)
  return ok({ spiffeId: verified.value.id.text, ...workload, notAfterMs: verified.value.notAfterMs })
}
