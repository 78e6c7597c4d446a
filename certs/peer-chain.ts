import type { TLSSocket } from 'node:tls'

/** More certificates than `verifyChain` takes: reading stops there. */
const MAX_CERTIFICATES = 8

/**
 * The certificates of the other side of a connection whose handshake is done, as DER, leaf first, as far as Node can
 * join them; empty when it sent none. Nothing is read from Node's own printed forms (CVE-2021-44531).
 */
export function peerChainOf(socket: TLSSocket): readonly Buffer[] {
  const chain: Buffer[] = []
  let certificate = socket.getPeerX509Certificate()
  while (certificate !== undefined && chain.length < MAX_CERTIFICATES) {
    const { raw } = certificate
    // a root is its own issuer
    if (chain.some((known) => known.equals(raw))) break
    chain.push(raw)
    certificate = certificate.issuerCertificate
  }
  return chain
}
