import { err, ok, type Result } from '../../certs/result.ts'
import { PUSH_LIMITS } from './push-limits.ts'

/** What one session holds. */
export interface SessionAccount {
  /** Takes memory for a subscription to `name`; the error says which limit is reached, and nothing was taken. */
  take(name: string): Result<void, string>
  /** Gives back what `take` took. */
  give(name: string): void
  /** The session is over: everything goes back. Repeating it does nothing. */
  close(): void
}

interface Use {
  sessionCount: number
  bytes: number
}

const {
  sessionCount: MAX_SESSIONS,
  sessionsPerIdentityCount: MAX_SESSIONS_OF_ONE,
  subscriptionsPerSessionBytes: MAX_BYTES_OF_SESSION,
  subscriptionsPerIdentityBytes: MAX_BYTES_OF_ONE,
  subscriptionsBytes: MAX_BYTES,
} = PUSH_LIMITS

/** Counts what sidecars hold of this control plane's memory: for each session, for each identity, and in all. */
export class SessionLedger {
  readonly #all: Use = { sessionCount: 0, bytes: 0 }
  readonly #byIdentity = new Map<string, Use>()

  /** Identities that have a session. */
  get identityCount(): number {
    return this.#byIdentity.size
  }

  /** What all sessions hold. */
  get usedBytes(): number {
    return this.#all.bytes
  }

  /** Opens the account of a session, or says which limit is reached. */
  open(identity: string): Result<SessionAccount, string> {
    const all = this.#all
    const own = this.#byIdentity.get(identity) ?? { sessionCount: 0, bytes: 0 }
    if (own.sessionCount >= MAX_SESSIONS_OF_ONE) return err(`${identity} has ${MAX_SESSIONS_OF_ONE} streams already`)
    if (all.sessionCount >= MAX_SESSIONS) return err(`this control plane has ${MAX_SESSIONS} streams already`)
    this.#byIdentity.set(identity, own)
    own.sessionCount++
    all.sessionCount++
    let bytes = 0
    let isOpen = true
    const add = (change: number): void => {
      bytes += change
      own.bytes += change
      all.bytes += change
    }
    return ok({
      take(name) {
        if (!isOpen) return err('the stream is over')
        const cost = costOf(name)
        const over = (limit: number, whose: string): Result<void, string> =>
          err(`the subscriptions of ${whose} take more than ${limit} octets`)
        if (bytes + cost > MAX_BYTES_OF_SESSION) return over(MAX_BYTES_OF_SESSION, 'this stream')
        if (own.bytes + cost > MAX_BYTES_OF_ONE) return over(MAX_BYTES_OF_ONE, identity)
        if (all.bytes + cost > MAX_BYTES) return over(MAX_BYTES, 'all sidecars of this control plane')
        add(cost)
        return ok(undefined)
      },
      give: (name) => {
        if (isOpen) add(-costOf(name))
      },
      close: () => {
        if (!isOpen) return
        isOpen = false
        add(-bytes)
        own.sessionCount--
        all.sessionCount--
        if (own.sessionCount === 0) this.#byIdentity.delete(identity)
      },
    })
  }
}

const costOf = (name: string): number => PUSH_LIMITS.subscriptionOverheadBytes + name.length
