import { backoffMs } from '../../../sidecar/core/backoff.ts'
import { type Clock, sleep, type Timer } from '../../../sidecar/core/clock.ts'
import type { Random } from '../../../sidecar/core/random.ts'
import type { Lock } from '../registry.ts'
import type { Ask, ConsulClient } from './consul-client.ts'

/** Consul's smallest is 10 s, and it may end a session late, never early. */
const SESSION_TTL_MS = 15_000
/** After a holder that vanished, nobody gets the lock for this long: time for it to notice. */
const LOCK_DELAY = '5s'
const WAIT_MS = 10_000
const RETRY = { baseMs: 250, maxMs: 2_000 } as const
/** Locks are keys too; they stand beside what they guard and are never listed. */
const SUFFIX = '/.lock'

/** What a lock needs from around it. */
export interface LockSeams {
  readonly client: ConsulClient
  readonly clock: Clock
  readonly random: Random
}

/** Whether this is a key that Consul needs for a lock, and not an entry of anybody. */
export const isLockKey = (key: string): boolean => key.endsWith(SUFFIX)

/** Waits until the lock is ours, or `signal` aborts (then undefined). Sessions of tries that failed are destroyed. */
export async function acquireConsulLock(key: string, signal: AbortSignal, seams: LockSeams): Promise<Lock | undefined> {
  let ask: Ask = { kind: 'now' }
  let tries = 0
  while (!signal.aborted) {
    const found = await seams.client.find(key + SUFFIX, ask)
    if (signal.aborted) return undefined
    const { index, value: pair } = found.ok ? found.value : { index: 0, value: undefined }
    if (found.ok && pair?.session !== undefined) {
      // Held: wait for a change of the key, with jitter, and never spin on a server whose index does not move.
      ask = { kind: 'on-change', index, waitMs: WAIT_MS * (0.8 + seams.random() / 5), signal }
    } else {
      const lock = found.ok ? await tryOnce(key, seams) : undefined
      if (lock !== undefined && !signal.aborted) return lock
      if (lock !== undefined) await lock.release()
      ask = { kind: 'now' }
    }
    // Also after a change: a lock that wanders fast among others must not make us ask without end.
    tries += 1
    await sleep(seams.clock, 50 + backoffMs(RETRY, Math.min(tries, 4), seams.random), signal)
  }
  return undefined
}

async function tryOnce(key: string, seams: LockSeams): Promise<ConsulLock | undefined> {
  const startedMs = seams.clock.nowMs()
  const ttl = `${SESSION_TTL_MS}ms`
  const session = await seams.client.createSession({ name: `outrigger lock ${key}`, ttl, lockdelay: LOCK_DELAY })
  if (!session.ok) return undefined
  const taken = await seams.client.transact([{ Verb: 'lock', Key: key + SUFFIX, Value: '', Session: session.value }])
  const token = taken.ok ? taken.value.get(key + SUFFIX) : undefined
  if (token !== undefined) return new ConsulLock({ key, session: session.value, fencingToken: token, startedMs }, seams)
  await seams.client.destroySession(session.value)
  return undefined
}

/** A lock held by a Consul session. Its fencing token is the index of the write that took it: it grows with each holder. */
export class ConsulLock implements Lock {
  readonly key: string
  readonly fencingToken: number
  readonly session: string
  readonly #seams: LockSeams
  readonly #lost = new AbortController()
  #renewal: Timer
  #expiry: Timer

  constructor(
    held: { readonly key: string; readonly session: string; readonly fencingToken: number; readonly startedMs: number },
    seams: LockSeams,
  ) {
    this.key = held.key
    this.session = held.session
    this.fencingToken = held.fencingToken
    this.#seams = seams
    this.#renewal = this.#armRenewal()
    this.#expiry = this.#armExpiry(held.startedMs)
  }

  /** The key under which Consul knows the lock. */
  get consulKey(): string {
    return this.key + SUFFIX
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Gives the lock up so that the next one gets it at once: an unlocked key has no lock delay, a destroyed session has. */
  async release(): Promise<void> {
    if (this.lost.aborted) return
    this.lose()
    const unlock = { Verb: 'unlock', Key: this.consulKey, Value: '', Session: this.session } as const
    const unlocked = await this.#seams.client.transact([unlock])
    // Nobody is renewing the session any more: where Consul is away, it ends by itself.
    if (!unlocked.ok && unlocked.error.kind === 'unreachable') return
    await this.#seams.client.destroySession(this.session)
  }

  /** Steps down without a word to Consul. */
  lose(): void {
    this.#renewal.cancel()
    this.#expiry.cancel()
    this.#lost.abort()
  }

  #armRenewal(): Timer {
    return this.#seams.clock.after(SESSION_TTL_MS / 3, () => void this.#renew(), { background: true })
  }

  /** Consul may have ended the session this long after the last renewal was sent: step down then, whatever it says later. */
  #armExpiry(renewedAtMs: number): Timer {
    const leftMs = renewedAtMs + SESSION_TTL_MS - this.#seams.clock.nowMs()
    return this.#seams.clock.after(leftMs, () => this.lose(), { background: true })
  }

  async #renew(): Promise<void> {
    const startedMs = this.#seams.clock.nowMs()
    const renewed = await this.#seams.client.renewSession(this.session)
    if (this.lost.aborted) return
    if (renewed.ok) {
      this.#expiry.cancel()
      this.#expiry = this.#armExpiry(startedMs)
      // The session lives, but somebody may have deleted the key or unlocked it by hand.
      const holder = await this.#seams.client.find(this.consulKey, { kind: 'now' })
      if (this.lost.aborted) return
      if (holder.ok && holder.value.value?.session !== this.session) return this.lose()
    } else if (renewed.error.kind === 'refused' && renewed.error.status === 404) {
      return this.lose()
    }
    this.#renewal = this.#armRenewal()
  }
}
