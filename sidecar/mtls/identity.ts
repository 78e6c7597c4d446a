import type { TrustBundle } from '../../certs/bundle.ts'
import { isSameKey, type KeyPair } from '../../certs/key-pair.ts'
import { type Certificate, readCertificatesPem } from '../../certs/read-certificate.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import type { SpiffeId } from '../../certs/spiffe-id.ts'
import { verifyChain } from '../../certs/verify-chain.ts'

/** Who this sidecar is and whom it believes: key, chain and roots that belong together. Immutable; replaced whole. */
export interface Identity {
  readonly id: SpiffeId
  readonly keyPair: KeyPair
  /** Leaf first, then the signing certificates that peers need; no root. */
  readonly chain: readonly Certificate[]
  readonly bundle: TrustBundle
  /** Validity of the leaf, wall-clock ms; `notAfterMs` is of the chain, so of whatever in it ends first. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** What an identity is made of. */
export interface IdentityParts {
  readonly keyPair: KeyPair
  /** Leaf first; each text may have several certificates. */
  readonly chainPem: readonly string[]
  readonly bundle: TrustBundle
}

/**
 * An identity whose parts fit: the leaf is for this key and this identity, and the chain verifies against the roots at
 * `wallMs`. Else why not, so that a bad answer of the authority never replaces a good identity.
 */
export function createIdentity(parts: IdentityParts, wanted: SpiffeId, wallMs: number): Result<Identity, string> {
  const read = readCertificatesPem(parts.chainPem.join('\n'))
  if (!read.ok) return err(`the certificate chain is not readable: ${read.error}`)
  const [leaf] = read.value
  if (leaf === undefined || !isSameKey(leaf.publicKey, parts.keyPair.publicKey)) {
    return err('the certificate is for another key than ours')
  }
  const chain = withoutRoots(read.value, parts.bundle)
  const verified = verifyChain(
    chain.map((certificate) => certificate.der),
    parts.bundle,
    wallMs,
  )
  if (!verified.ok) return err(verified.error.sentence)
  if (verified.value.id.text !== wanted.text) {
    return err(`the certificate is for ${verified.value.id.text}, not for ${wanted.text}`)
  }
  const { id, notAfterMs } = verified.value
  return ok({ id, keyPair: parts.keyPair, chain, bundle: parts.bundle, notBeforeMs: leaf.notBeforeMs, notAfterMs })
}

/** Peers hold the roots themselves: sending them would cost each handshake some 500 octets. */
function withoutRoots(chain: readonly Certificate[], bundle: TrustBundle): readonly Certificate[] {
  return chain.filter((certificate, i) => i === 0 || !bundle.roots.some((root) => root.der.equals(certificate.der)))
}
