import { issueLeaf, toCertificatePem } from '../../../certs/certificate.ts'
import { createSigningRequest, readSigningRequest } from '../../../certs/csr.ts'
import { generateKeyPair } from '../../../certs/key-pair.ts'
import { err, ok, type Result } from '../../../certs/result.ts'
import type { Clock } from '../../../sidecar/core/clock.ts'
import { createIdentity, type Identity } from '../../../sidecar/mtls/identity.ts'
import type { SignedChain, Signer } from '../../../sidecar/mtls/signer.ts'
import { idOf, NOON, type Pki, unwrap } from '../../certs/mesh-pki.ts'

export const WEB = 'spiffe://mesh.example/ns/shop/sa/web'

/** A good identity from a trust domain of the test. */
export function identityOf(pki: Pki, lifetimeMs?: number, id = WEB, wallMs = NOON): Identity {
  const { keyPair, certificate } = pki.leaf(id, lifetimeMs)
  const chainPem = [toCertificatePem(certificate), toCertificatePem(pki.issuing.certificate)]
  return unwrap(createIdentity({ keyPair, chainPem, bundle: pki.bundle }, idOf(id), wallMs))
}

/** A signer that signs at once, unless a test says otherwise. `askedMs` are the times at which it was asked. */
export class TestSigner implements Signer {
  readonly askedMs: number[] = []
  readonly #clock: Clock
  pki: Pki
  lifetimeMs: number
  moreRootsPem: readonly string[] = []
  mood: 'good' | 'failing' | 'silent' | 'throwing' | 'other-key' | 'other-identity' | 'nonsense' = 'good'

  constructor(pki: Pki, clock: Clock, lifetimeMs: number) {
    this.pki = pki
    this.#clock = clock
    this.lifetimeMs = lifetimeMs
  }

  async sign(csrPem: string, identity: string): Promise<Result<SignedChain, string>> {
    this.askedMs.push(this.#clock.nowMs())
    if (this.mood === 'failing') return err('the control plane is away')
    if (this.mood === 'throwing') throw new Error('socket hang up')
    if (this.mood === 'silent') return new Promise(() => {})
    if (this.mood === 'nonsense') return ok({ chainPem: ['nonsense'], rootsPem: [] })
    const csr = this.mood === 'other-key' ? createSigningRequest(generateKeyPair(), idOf(identity)) : csrPem
    const { publicKey } = unwrap(readSigningRequest(csr))
    const id = idOf(this.mood === 'other-identity' ? `${identity}2` : identity)
    const term = { wallMs: this.#clock.wallMs(), lifetimeMs: this.lifetimeMs }
    const leaf = issueLeaf(publicKey, id, this.pki.issuing, term)
    return ok({
      chainPem: [toCertificatePem(leaf), toCertificatePem(this.pki.issuing.certificate)],
      rootsPem: [toCertificatePem(this.pki.root), ...this.moreRootsPem],
    })
  }
}
