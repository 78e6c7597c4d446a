import { bundleFromPem, type TrustBundle } from '../../certs/bundle.ts'
import { createSigningRequest } from '../../certs/csr.ts'
import { generateKeyPair, type KeyPair } from '../../certs/key-pair.ts'
import { err, type Result } from '../../certs/result.ts'
import type { SpiffeId } from '../../certs/spiffe-id.ts'
import { verifyChain } from '../../certs/verify-chain.ts'
import { backoffMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import { createIdentity, type Identity } from './identity.ts'
import type { IdentityStore } from './identity-store.ts'
import { renewalBackoff, renewalWaitMs } from './renewal-plan.ts'
import type { SignedChain, Signer } from './signer.ts'

/** What rotation needs. */
export interface RotationParts {
  /** Who we are to be. */
  readonly id: SpiffeId
  readonly store: IdentityStore
  readonly signer: Signer
  readonly clock: Clock
  readonly random: Random
  /** Hears why a try failed, once for each reason until one succeeds. */
  readonly onTrouble?: (reason: string) => void
}

/** How rotation fares, for metrics and the admin port. */
export interface RotationState {
  /** When the certificate that is served ends, wall-clock ms; undefined: there is none. Raise an alarm when it nears. */
  readonly notAfterMs: number | undefined
  /** Certificates installed since the start. */
  readonly renewalCount: number
  /** Tries that failed since the last success. */
  readonly failureCount: number
  /** Tries that failed since the start. */
  readonly totalFailureCount: number
  /** Why the last try failed; undefined after a success. */
  readonly lastError: string | undefined
}

/** An answer that takes longer is not coming: the control plane may have stopped without closing the connection. */
const ANSWER_TIMEOUT_MS = 10_000
/** The wall clock is looked at this often: timers stand still while a machine is suspended, certificates do not. */
const LOOK_INTERVAL_MS = 60_000

/**
 * Keeps a valid certificate in the store: a new key and request for each, renewal at 50–70 % of its life, exponential
 * back-off with full jitter when that fails. An answer that does not fit the key, the identity or the roots leaves the
 * old identity serving. It ends when disposed.
 */
export class CertificateRotation implements Disposable {
  readonly #parts: RotationParts
  #timer: Timer | undefined
  #subscription: Disposable | undefined
  /** The try under way; aborted when we are disposed. */
  #trying: AbortController | undefined
  #isDisposed = false
  #renewalCount = 0
  #failureCount = 0
  #totalFailureCount = 0
  #lastError: string | undefined

  constructor(parts: RotationParts) {
    this.#parts = parts
  }

  /** Begins: at once when the store has no identity, else when the one that it has is due. */
  start(): void {
    const held = this.#parts.store.current
    this.#waitFor(held === undefined ? 0 : this.#renewalWaitMs(held, false))
    // roots that our own chain does not lead to mean that peers will refuse us: ask for a certificate that they take
    this.#subscription = this.#parts.store.subscribe((identity) => {
      if (!this.#leadsToRoots(identity)) this.renewNow()
    })
  }

  /** Renews without waiting for the time; nothing happens while a try is under way. */
  renewNow(): void {
    if (this.#trying === undefined && !this.#isDisposed) this.#waitFor(0)
  }

  get state(): RotationState {
    return {
      notAfterMs: this.#parts.store.current?.notAfterMs,
      renewalCount: this.#renewalCount,
      failureCount: this.#failureCount,
      totalFailureCount: this.#totalFailureCount,
      lastError: this.#lastError,
    }
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#timer?.cancel()
    this.#subscription?.[Symbol.dispose]()
    this.#trying?.abort()
  }

  #waitFor(delayMs: number): void {
    const { clock } = this.#parts
    this.#timer?.cancel()
    const dueMs = clock.nowMs() + delayMs
    const dueWallMs = clock.wallMs() + delayMs
    const look = (): void => {
      const leftMs = Math.min(dueMs - clock.nowMs(), dueWallMs - clock.wallMs())
      if (leftMs <= 0) return void this.#renew()
      this.#timer = clock.after(Math.min(leftMs, LOOK_INTERVAL_MS), look, { background: true })
    }
    look()
  }

  async #renew(): Promise<void> {
    if (this.#isDisposed || this.#trying !== undefined) return
    const trying = new AbortController()
    this.#trying = trying
    const keyPair = generateKeyPair()
    const heldBefore = this.#parts.store.current?.bundle
    const answer = await this.#ask(keyPair, trying)
    this.#trying = undefined
    if (this.#isDisposed) return
    const identity = answer.ok ? this.#toIdentity(keyPair, answer.value, heldBefore) : answer
    if (identity.ok) this.#succeed(identity.value)
    else this.#fail(identity.error)
  }

  #succeed(identity: Identity): void {
    this.#renewalCount++
    this.#failureCount = 0
    this.#lastError = undefined
    this.#waitFor(this.#renewalWaitMs(identity, true))
    this.#parts.store.replace(identity)
  }

  #fail(reason: string): void {
    this.#failureCount++
    this.#totalFailureCount++
    if (reason !== this.#lastError) this.#parts.onTrouble?.(reason)
    this.#lastError = reason
    this.#waitFor(backoffMs(renewalBackoff(this.#parts.store.current), this.#failureCount, this.#parts.random))
  }

  /** The signer's answer, or why there is none; a signer that throws or hangs is an answer too. */
  #ask(keyPair: KeyPair, trying: AbortController): Promise<Result<SignedChain, string>> {
    const { id, signer, clock } = this.#parts
    return new Promise((resolve) => {
      const giveUp = (sentence: string): void => {
        timeout.cancel()
        resolve(err(sentence))
      }
      const timeout = clock.after(ANSWER_TIMEOUT_MS, () => trying.abort(), { background: true })
      trying.signal.addEventListener('abort', () => giveUp(`no answer within ${ANSWER_TIMEOUT_MS} ms`), { once: true })
      signer.sign(createSigningRequest(keyPair, id), id.text, trying.signal).then(
        (answer) => {
          timeout.cancel()
          resolve(answer)
        },
        (thrown: unknown) => giveUp(thrown instanceof Error ? thrown.message : String(thrown)),
      )
    })
  }

  /**
   * The roots in use stay, with their sequence, as long as the new chain leads to them; else those of the answer are
   * taken. But not where roots were published while we asked: they are newer, and what they left out stays out.
   */
  #toIdentity(keyPair: KeyPair, answer: SignedChain, heldBefore: TrustBundle | undefined): Result<Identity, string> {
    const { id, store, clock } = this.#parts
    const held = store.current?.bundle
    const build = (bundle: TrustBundle): Result<Identity, string> =>
      createIdentity({ keyPair, chainPem: answer.chainPem, bundle }, id, clock.wallMs())
    if (held !== undefined) {
      const identity = build(held)
      if (identity.ok || held !== heldBefore) return identity
    }
    const offered = bundleFromPem(id.trustDomain, held?.sequence ?? 0, answer.rootsPem)
    return offered.ok ? build(offered.value) : offered
  }

  #leadsToRoots(identity: Identity): boolean {
    const der = identity.chain.map((certificate) => certificate.der)
    const verified = verifyChain(der, identity.bundle, this.#parts.clock.wallMs())
    // without roots there is nothing that the authority could sign with
    return verified.ok || verified.error.reason === 'empty-bundle'
  }

  #renewalWaitMs(identity: Identity, isFresh: boolean): number {
    return renewalWaitMs(identity, isFresh, this.#parts.clock.wallMs(), this.#parts.random)
  }
}
