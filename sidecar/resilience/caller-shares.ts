/** What one caller has of something limited. */
export interface Share {
  /** In use now. */
  inUse: number
  /** Tries that wait for their turn. */
  waiting: number
  /** Whether there is a caller to be fair to: whoever is not known shares with nobody. */
  readonly isBound: boolean
}

/** The most that one caller may have: the rest is there for the others, whatever that one does. */
const LARGEST_PART = 0.75

/** Callers of an application that prove no identity: they have one share together, as if they were one. */
export const ANONYMOUS = ''

/** Who has how much of something that all callers of an application share: one of them must not be able to have it all. */
export class CallerShares {
  readonly #byCaller = new Map<string, Share>()
  readonly #unbound: Share = { inUse: 0, waiting: 0, isBound: false }

  /** @param caller its proven identity, or `ANONYMOUS`; undefined: our own application, without bounds */
  of(caller: string | undefined): Share {
    if (caller === undefined) return this.#unbound
    let share = this.#byCaller.get(caller)
    if (share === undefined) {
      share = { inUse: 0, waiting: 0, isBound: true }
      this.#byCaller.set(caller, share)
    }
    return share
  }

  /** How many of the tries that wait could go now, where all callers may use `limit` together. */
  turnCount(limit: number): number {
    let count = turnsOf(this.#unbound, limit)
    for (const share of this.#byCaller.values()) count += turnsOf(share, limit)
    return count
  }

  /** Forgets the caller, if it has nothing. */
  forget(caller: string | undefined): void {
    const share = caller === undefined ? undefined : this.#byCaller.get(caller)
    if (caller !== undefined && share?.inUse === 0 && share.waiting === 0) this.#byCaller.delete(caller)
  }

  /** Forgets all callers that have nothing. */
  sweep(): void {
    for (const caller of [...this.#byCaller.keys()]) this.forget(caller)
  }
}

/** How much of `limit` the share may be: at least 1. */
export const largestShare = (share: Share, limit: number): number =>
  share.isBound ? Math.ceil(limit * LARGEST_PART) : limit

const turnsOf = (share: Share, limit: number): number =>
  Math.max(0, Math.min(share.waiting, largestShare(share, limit) - share.inUse))
