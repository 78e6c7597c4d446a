import { err, type Result } from '../../certs/result.ts'
import type { SignResponse } from '../config/watch-protocol.ts'
import type { Clock } from '../core/clock.ts'
import type { IdentityStore } from '../mtls/identity-store.ts'
import type { SignedChain, Signer } from '../mtls/signer.ts'
import type { ControlChannel } from './control-channel.ts'
import { requestSignature, type SignFailure } from './request-signature.ts'

export interface ControlPlaneSignerDeps {
  readonly channel: ControlChannel
  readonly identities: IdentityStore
  readonly clock: Clock
  /** The join token as it is now, read anew for each use, or why it can't be read; undefined: there is none. */
  readonly readToken: () => Promise<Result<string | undefined, string>>
}

const ANSWER_TIMEOUT_MS = 8_000

/**
 * Has certificates signed by the control plane: as the current certificate while it is valid, else, or when that is
 * refused, with the join token. So neither an old token nor a lapsed certificate alone locks a sidecar out.
 */
export class ControlPlaneSigner implements Signer {
  readonly #deps: ControlPlaneSignerDeps

  constructor(deps: ControlPlaneSignerDeps) {
    this.#deps = deps
  }

  /** One connection for each request: renewals are rare, and an idle connection would only hide that it broke. */
  async sign(csrPem: string, identity: string, signal: AbortSignal): Promise<Result<SignedChain, string>> {
    const { channel, clock, identities } = this.#deps
    const session = await channel.connect()
    if (!session.ok) return session
    if (signal.aborted) {
      session.value.destroy()
      return err('the answer is not waited for any more')
    }
    const abort = (): void => session.value.destroy()
    signal.addEventListener('abort', abort, { once: true })
    try {
      const held = identities.current
      const ask = (token: string | undefined): Promise<Result<SignResponse, SignFailure>> =>
        requestSignature(session.value, { csrPem, identity }, { token, clock, timeoutMs: ANSWER_TIMEOUT_MS })
      let answer = held !== undefined && clock.wallMs() < held.notAfterMs ? await ask(undefined) : undefined
      if (answer === undefined || (!answer.ok && !answer.error.retry)) {
        const token = await this.#deps.readToken()
        if (!token.ok) return token
        if (token.value !== undefined) answer = await ask(token.value)
      }
      if (answer === undefined) return err('there is neither a valid certificate nor a join token to ask with')
      return answer.ok ? answer : err(answer.error.detail)
    } finally {
      signal.removeEventListener('abort', abort)
      session.value.close()
    }
  }
}
