import { type Issuer, issueLeaf, toCertificatePem } from '../../certs/certificate.ts'
import { readSigningRequest } from '../../certs/csr.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import { findWorkload, parseSpiffeId, type SpiffeId } from '../../certs/spiffe-id.ts'

/** Why a signing request is refused; `detail` is a sentence for a person. */
export interface SignRefusal {
  /** `invalid`: the request is wrong and stays so; `denied`: not for who asks; `unavailable`: ask again later. */
  readonly kind: 'invalid' | 'denied' | 'unavailable'
  readonly detail: string
}

/** A signing refusal. */
export const signRefusal = (kind: SignRefusal['kind'], detail: string): Result<never, SignRefusal> =>
  err({ kind, detail })

/** The shortest life of a leaf: it must be renewed twice and verified before it ends. */
export const LEAST_LEAF_LIFETIME_MS = 10_000

/** The identity that a sidecar asks for, if it is a workload's of this trust domain. */
export function readWantedIdentity(text: string, trustDomain: string): Result<SpiffeId, SignRefusal> {
  const id = parseSpiffeId(text)
  if (!id.ok) return signRefusal('invalid', `Cannot sign for ${JSON.stringify(text)}: ${id.error}`)
  if (id.value.trustDomain !== trustDomain) {
    return signRefusal(
      'invalid',
      `Cannot sign for "${id.value.text}": this authority is of trust domain "${trustDomain}"`,
    )
  }
  if (findWorkload(id.value) === undefined) {
    return signRefusal('invalid', `Cannot sign for "${id.value.text}": expected /ns/<namespace>/sa/<service-account>`)
  }
  return id
}

/**
 * A leaf for `id` from a signing request that asks for exactly `id`, as PEM. Only the key of the request is used: the
 * certificate's names, usages and lifetime are ours. Refused: a bad signature, other or more names, a request for a CA.
 */
export function signLeaf(
  csrPem: string,
  id: SpiffeId,
  issuer: Issuer,
  term: { readonly wallMs: number; readonly lifetimeMs: number },
): Result<string, SignRefusal> {
  const request = readSigningRequest(csrPem)
  if (!request.ok) return signRefusal('invalid', `Cannot sign the request: ${request.error}`)
  const { uriNames, otherNameCount, isCa, publicKey } = request.value
  const [asked] = uriNames
  const askedId = asked === undefined ? undefined : parseSpiffeId(asked)
  if (uriNames.length !== 1 || otherNameCount !== 0 || askedId?.ok !== true || askedId.value.text !== id.text) {
    return signRefusal('invalid', `Cannot sign the request: it must ask for the name "${id.text}" and no other`)
  }
  if (isCa) return signRefusal('invalid', 'Cannot sign the request: it asks for a signing certificate')
  if (publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    return signRefusal('invalid', 'Cannot sign the request: expected an ECDSA P-256 key')
  }
  if (issuer.certificate.notAfterMs - term.wallMs < LEAST_LEAF_LIFETIME_MS) {
    return signRefusal('unavailable', 'Cannot sign now: the issuing certificate is over')
  }
  return ok(toCertificatePem(issueLeaf(publicKey, id, issuer, term)))
}
