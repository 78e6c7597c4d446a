import assert from 'node:assert/strict'
import { hasSameRoots, type TrustBundle } from '../../certs/bundle.ts'
import { CLOCK_SKEW_MS, toCertificatePem } from '../../certs/certificate.ts'
import { err, ok, type Result } from '../../certs/result.ts'
import { type SpiffeId, trustDomainId } from '../../certs/spiffe-id.ts'
import type { TrustResource } from '../../sidecar/config/resources.ts'
import type { SignResponse } from '../../sidecar/config/watch-protocol.ts'
import { backoffMs } from '../../sidecar/core/backoff.ts'
import type { Clock, Timer } from '../../sidecar/core/clock.ts'
import type { Random } from '../../sidecar/core/random.ts'
import type { Registry, Watch } from '../registry/registry.ts'
import type { AuthorityLifetimes, AuthorityState } from './authority-state.ts'
import { AuthorityStore } from './authority-store.ts'
import { SEAL_KEY_BYTES } from './seal.ts'
import { LEAST_LEAF_LIFETIME_MS, readWantedIdentity, type SignRefusal, signLeaf, signRefusal } from './sign-leaf.ts'
import { SignLimit } from './sign-limit.ts'

/** What an authority is given. Lifetimes in ms. */
export interface AuthorityOptions {
  readonly registry: Registry
  /** Where the authority's state stands in the registry: `outrigger/<mesh>/authority/`. */
  readonly keyPrefix: string
  readonly trustDomain: string
  /** 32 octets, the same for all replicas: opens the private keys that stand in the registry. */
  readonly sealKey: Buffer
  readonly clock: Clock
  readonly random: Random
  /** Default 24 h, least 10 s. */
  readonly leafLifetimeMs?: number
  /** Default 30 days. */
  readonly issuingLifetimeMs?: number
  /** Default 10 years. */
  readonly rootLifetimeMs?: number
}

const DAY_MS = 86_400_000
/** The issuing certificate is renewed between these shares of its life: what it signed last outlives its own renewal. */
const EARLIEST_RATIO = 0.5
const LATEST_RATIO = 0.7
const RENEWAL_BACKOFF = { baseMs: 1_000, maxMs: 60_000 }
/** The wall clock is looked at this often, as timers stand still while a machine is suspended. */
const LOOK_INTERVAL_MS = 60_000

/**
 * The certificate authority of one trust domain. All replicas have the same root and issuing certificate, from the
 * registry; whichever is first makes them under a lock. Signing needs nothing but what is held in memory, so it goes on
 * while the registry is away, until the issuing certificate is over.
 */
export class Authority implements Disposable {
  readonly #options: AuthorityOptions
  readonly #id: SpiffeId
  readonly #store: AuthorityStore
  readonly #limit = new SignLimit()
  readonly #listeners = new Set<(trust: TrustResource) => void>()
  readonly #ended = new AbortController()
  #state: AuthorityState
  #trust: TrustResource
  #watch: Watch | undefined
  #timer: Timer | undefined
  #failureCount = 0
  #lastProblem: string | undefined

  /**
   * Loads the authority from the registry, or makes it. The error is a sentence: the registry is away, the seal key does
   * not open what is stored, the trust domain is another. `signal` ends the wait for the lock.
   */
  static async open(options: AuthorityOptions, signal: AbortSignal): Promise<Result<Authority, string>> {
    const id = trustDomainId(options.trustDomain)
    if (!id.ok) return err(`Cannot use trust domain "${options.trustDomain}": ${id.error}`)
    assert(options.sealKey.length === SEAL_KEY_BYTES, 'the seal key has 32 octets')
    const { leafLifetimeMs = DAY_MS } = options
    if (leafLifetimeMs < LEAST_LEAF_LIFETIME_MS) {
      return err(
        `Cannot issue certificates that live ${leafLifetimeMs} ms: expected at least ${LEAST_LEAF_LIFETIME_MS} ms`,
      )
    }
    const store = new AuthorityStore(options.registry, {
      prefix: options.keyPrefix,
      id: id.value,
      sealKey: options.sealKey,
    })
    const state = await store.loadOrCreate(lifetimesOf(options), () => options.clock.wallMs(), signal)
    return state.ok ? ok(new Authority(options, id.value, store, state.value)) : state
  }

  private constructor(options: AuthorityOptions, id: SpiffeId, store: AuthorityStore, state: AuthorityState) {
    this.#options = options
    this.#id = id
    this.#store = store
    this.#state = state
    this.#trust = toTrust(state)
    this.#watch = store.watch((read) => this.#take(read))
    this.#scheduleRenewal()
  }

  get trustDomain(): string {
    return this.#id.trustDomain
  }

  /** The roots that every sidecar must believe. */
  get trust(): TrustResource {
    return this.#trust
  }

  /** The same roots, for verifying peers. */
  get bundle(): TrustBundle {
    return bundleOf(this.#state)
  }

  /** When the issuing certificate ends, wall-clock ms: renewed long before, while the registry can be reached. */
  get issuingNotAfterMs(): number {
    return this.#state.issuing.certificate.notAfterMs
  }

  /** Why the last renewal failed, or the registry's state was not taken; undefined when all is well. For status and metrics. */
  get lastProblem(): string | undefined {
    return this.#lastProblem
  }

  /** Calls `listener` with the roots now and after each change of them, until disposed. */
  onTrust(listener: (trust: TrustResource) => void): Disposable {
    this.#listeners.add(listener)
    listener(this.#trust)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /**
   * A certificate for a workload's identity. The caller has made sure that whoever asks may have it
   * (`createSigning`). Never waits. The control plane's own certificate comes from here too.
   */
  sign(csrPem: string, identity: string): Result<SignResponse, SignRefusal> {
    const { clock, leafLifetimeMs = DAY_MS } = this.#options
    const id = readWantedIdentity(identity, this.#id.trustDomain)
    if (!id.ok) return id
    if (!this.#limit.take(id.value.text, clock.nowMs())) {
      return signRefusal('unavailable', `Cannot sign for "${id.value.text}" now: it asked too often`)
    }
    const { certificate, keyPair } = this.#state.issuing
    const issuer = { certificate, privateKey: keyPair.privateKey }
    const leaf = signLeaf(csrPem, id.value, issuer, { wallMs: clock.wallMs(), lifetimeMs: leafLifetimeMs })
    if (!leaf.ok) return leaf
    return ok({ chainPem: [leaf.value, toCertificatePem(certificate)], rootsPem: [...this.#trust.rootsPem] })
  }

  [Symbol.dispose](): void {
    this.#ended.abort()
    this.#watch?.stop()
    this.#timer?.cancel()
    this.#listeners.clear()
  }

  /** The registry told a state. What is damaged, foreign, older than ours or of other roots under our sequence is not taken: the held one goes on signing. */
  #take(read: Result<AuthorityState, string>): void {
    if (!read.ok) {
      this.#lastProblem = read.error
      return
    }
    const next = read.value
    if (next.sequence < this.#state.sequence) {
      this.#lastProblem = `the registry went back from sequence ${this.#state.sequence} to ${next.sequence}`
      return
    }
    if (next.sequence === this.#state.sequence && !hasSameRoots(bundleOf(next), this.bundle)) {
      this.#lastProblem = `the registry has other roots under the same sequence ${next.sequence}`
      return
    }
    this.#lastProblem = undefined
    const isSameIssuing = next.issuing.certificate.der.equals(this.#state.issuing.certificate.der)
    if (isSameIssuing && next.sequence === this.#state.sequence) return
    const isNewTrust = next.sequence > this.#state.sequence
    this.#state = next
    this.#failureCount = 0
    this.#scheduleRenewal()
    if (!isNewTrust) return
    this.#trust = toTrust(next)
    for (const listener of [...this.#listeners]) listener(this.#trust)
  }

  #scheduleRenewal(): void {
    const { random } = this.#options
    const { notBeforeMs, notAfterMs } = this.#state.issuing.certificate
    const ratio = EARLIEST_RATIO + (LATEST_RATIO - EARLIEST_RATIO) * random()
    const madeMs = notBeforeMs + CLOCK_SKEW_MS
    this.#renewAt(madeMs + (notAfterMs - madeMs) * ratio)
  }

  #renewAt(wallMs: number): void {
    const { clock } = this.#options
    this.#timer?.cancel()
    const leftMs = wallMs - clock.wallMs()
    this.#timer = clock.after(
      Math.min(Math.max(0, leftMs), LOOK_INTERVAL_MS),
      () => (clock.wallMs() < wallMs ? this.#renewAt(wallMs) : void this.#renew()),
      { background: true },
    )
  }

  async #renew(): Promise<void> {
    const { clock, random } = this.#options
    const held = this.#state.issuing.certificate
    const { issuingMs } = lifetimesOf(this.#options)
    const term = () => ({ wallMs: clock.wallMs(), lifetimeMs: issuingMs })
    const renewed = await this.#store.renewIssuing(held, term, this.#ended.signal)
    if (this.#ended.signal.aborted) return
    if (renewed.ok) this.#take(renewed)
    // Made now, or another replica's that the watch told meanwhile: its own renewal is planned already.
    if (!this.#state.issuing.certificate.der.equals(held.der)) return
    if (!renewed.ok) this.#lastProblem = `the issuing certificate was not renewed: ${renewed.error}`
    this.#renewAt(clock.wallMs() + backoffMs(RENEWAL_BACKOFF, ++this.#failureCount, random))
  }
}

const lifetimesOf = (options: AuthorityOptions): AuthorityLifetimes => ({
  rootMs: options.rootLifetimeMs ?? 3650 * DAY_MS,
  issuingMs: options.issuingLifetimeMs ?? 30 * DAY_MS,
})

const bundleOf = ({ trustDomain, sequence, roots }: AuthorityState): TrustBundle => ({
  trustDomain,
  sequence,
  roots: roots.map((root) => root.certificate),
})

const toTrust = (state: AuthorityState): TrustResource => ({
  kind: 'Trust',
  name: state.trustDomain,
  rootsPem: state.roots.map((root) => toCertificatePem(root.certificate)),
  sequence: state.sequence,
})
