import { newerBundle, type TrustBundle } from '../../certs/bundle.ts'
import { ok, type Result } from '../../certs/result.ts'
import type { Identity } from './identity.ts'

/** Holds who we are as one value: readers see a whole identity or none, never a new key with an old chain. */
export class IdentityStore {
  #current: Identity | undefined
  readonly #listeners = new Set<(identity: Identity) => void>()

  /** The identity now; undefined until the first certificate is there. Read it once for each use. */
  get current(): Identity | undefined {
    return this.#current
  }

  /** Puts a new identity in place of the old and tells everyone who asked, in the order in which they asked. */
  replace(identity: Identity): void {
    this.#current = identity
    for (const listener of [...this.#listeners]) listener(identity)
  }

  /**
   * Takes the roots that the control plane published. Refused, with the old ones kept: another trust domain, an older
   * sequence, other roots under the same sequence. An empty list is obeyed: then no peer is believed. Our own chain may
   * not lead to the new roots; `CertificateRotation` sees that and asks for another. Nothing happens before the first identity.
   */
  replaceRoots(offered: TrustBundle): Result<void, string> {
    const held = this.#current
    if (held === undefined) return ok(undefined)
    const chosen = newerBundle(held.bundle, offered)
    if (!chosen.ok) return chosen
    if (chosen.value !== held.bundle) this.replace({ ...held, bundle: chosen.value })
    return ok(undefined)
  }

  /** Calls `listener` now if there is an identity, and after each change, until the returned value is disposed. */
  subscribe(listener: (identity: Identity) => void): Disposable {
    this.#listeners.add(listener)
    if (this.#current !== undefined) listener(this.#current)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }
}
