import assert from 'node:assert/strict'
import { createSigningRequest } from '../../certs/csr.ts'
import { generateKeyPair, toPrivateKeyPem } from '../../certs/key-pair.ts'
import { readCertificatesPem } from '../../certs/read-certificate.ts'
import { controlPlaneId } from '../../certs/spiffe-id.ts'
import { backoffMs } from '../../sidecar/core/backoff.ts'
import type { Clock, Timer } from '../../sidecar/core/clock.ts'
import type { Random } from '../../sidecar/core/random.ts'
import type { Authority } from './authority.ts'

/** What the control plane's port shows, and the roots that its clients are judged by: PEM, leaf first. */
export interface ServerCredentials {
  readonly keyPem: string
  readonly chainPem: readonly string[]
  readonly rootsPem: readonly string[]
}

/** The certificate is renewed between these shares of its life. */
const EARLIEST_RATIO = 0.5
const LATEST_RATIO = 0.7
const RETRY_BACKOFF = { baseMs: 500, maxMs: 10_000 }
/** The wall clock is looked at this often, as timers stand still while a machine is suspended. */
const LOOK_INTERVAL_MS = 60_000

/**
 * The control plane's own certificate, for `spiffe://<trust domain>/ns/outrigger-system/sa/control-plane`: from its own
 * authority, in memory only, renewed in time and whenever the roots change.
 */
export class ServerCertificate implements Disposable {
  readonly #authority: Authority
  readonly #clock: Clock
  readonly #random: Random
  readonly #listeners = new Set<(credentials: ServerCredentials) => void>()
  readonly #trustSubscription: Disposable
  #timer: Timer | undefined
  #failureCount = 0
  #current: ServerCredentials | undefined

  constructor(authority: Authority, clock: Clock, random: Random) {
    this.#authority = authority
    this.#clock = clock
    this.#random = random
    this.#trustSubscription = authority.onTrust(() => this.#renew())
  }

  /** What to show now; undefined only while the authority has never been able to sign, its issuing certificate being over. */
  get current(): ServerCredentials | undefined {
    return this.#current
  }

  /** Calls `listener` with the credentials now, if there are any, and with all later ones, until disposed: they are for the handshakes that follow. */
  subscribe(listener: (credentials: ServerCredentials) => void): Disposable {
    this.#listeners.add(listener)
    if (this.#current !== undefined) listener(this.#current)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  [Symbol.dispose](): void {
    this.#trustSubscription[Symbol.dispose]()
    this.#timer?.cancel()
    this.#listeners.clear()
  }

  #renew(): void {
    const id = controlPlaneId(this.#authority.trustDomain)
    assert(id.ok, 'every trust domain has a control plane')
    const keyPair = generateKeyPair()
    const signed = this.#authority.sign(createSigningRequest(keyPair, id.value), id.value.text)
    const now = this.#clock.wallMs()
    if (!signed.ok) {
      this.#renewAt(now + backoffMs(RETRY_BACKOFF, ++this.#failureCount, this.#random))
      return
    }
    this.#failureCount = 0
    const chain = readCertificatesPem(signed.value.chainPem.join(''))
    assert(chain.ok && chain.value[0] !== undefined, 'what the authority signs is readable')
    const ratio = EARLIEST_RATIO + (LATEST_RATIO - EARLIEST_RATIO) * this.#random()
    this.#renewAt(now + (chain.value[0].notAfterMs - now) * ratio)
    this.#current = { keyPem: toPrivateKeyPem(keyPair), ...signed.value }
    for (const listener of [...this.#listeners]) listener(this.#current)
  }

  #renewAt(wallMs: number): void {
    this.#timer?.cancel()
    const delayMs = Math.min(Math.max(0, wallMs - this.#clock.wallMs()), LOOK_INTERVAL_MS)
    this.#timer = this.#clock.after(
      delayMs,
      () => (this.#clock.wallMs() < wallMs ? this.#renewAt(wallMs) : this.#renew()),
      { background: true },
    )
  }
}
