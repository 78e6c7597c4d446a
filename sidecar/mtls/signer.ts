import type { Result } from '../../certs/result.ts'

/** What the authority answers to a signing request. */
export interface SignedChain {
  /** Leaf first, then the signing certificates. */
  readonly chainPem: readonly string[]
  /** The roots of the trust domain. */
  readonly rootsPem: readonly string[]
}

/** Whoever turns a signing request into a certificate: the control plane behind `POST /v1/sign`. */
export interface Signer {
  /** `signal` aborts when the answer is not waited for any more. The error is a sentence. */
  sign(csrPem: string, identity: string, signal: AbortSignal): Promise<Result<SignedChain, string>>
}
