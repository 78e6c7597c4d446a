import type { Result } from '../../certs/result.ts'
import { controlPlaneId } from '../../certs/spiffe-id.ts'
import type { SignRequest, SignResponse } from '../../sidecar/config/watch-protocol.ts'
import type { Authority } from './authority.ts'
import type { JoinTokens } from './join-tokens.ts'
import { readWantedIdentity, type SignRefusal, signRefusal } from './sign-leaf.ts'

/** How whoever asks for a certificate shows who it is. `spiffeId` is what the connection's certificate proved. */
export type SignCredential =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'certificate'; readonly peer: { readonly spiffeId: string } }

/** What answers `POST /v1/sign`. */
export interface Signing {
  sign(request: SignRequest, credential: SignCredential): Promise<Result<SignResponse, SignRefusal>>
}

/**
 * Signs for whoever may: with a certificate, for the identity of that certificate; with a join token, for what the token
 * allows. Nobody gets the control plane's identity this way: a sidecar that had it could tell all others what to do.
 */
export function createSigning(authority: Authority, tokens: JoinTokens): Signing {
  const reserved = controlPlaneId(authority.trustDomain)
  return {
    async sign(request, credential) {
      const wanted = readWantedIdentity(request.identity, authority.trustDomain)
      if (!wanted.ok) return wanted
      if (reserved.ok && wanted.value.text === reserved.value.text) {
        return signRefusal('denied', `Cannot sign for "${wanted.value.text}": it is the control plane's own identity`)
      }
      if (credential.kind === 'token') {
        const verdict = await tokens.verify(credential.token, wanted.value)
        if (!verdict.ok) return verdict
      } else if (credential.peer.spiffeId !== wanted.value.text) {
        const detail = `Cannot sign for "${wanted.value.text}": the connection's certificate is for "${credential.peer.spiffeId}"`
        return signRefusal('denied', detail)
      }
      return authority.sign(request.csrPem, wanted.value.text)
    },
  }
}
