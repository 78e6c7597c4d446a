import type { WatchListener } from './registry.ts'

/**
 * Remembers what a watch's owner was told, and tells only what is new: no state twice in a row, no availability that
 * was known already. A watch counts as available until it is told otherwise.
 */
export class ToldState<T> {
  readonly #listener: WatchListener<T>
  readonly #same: (a: T, b: T) => boolean
  #told: { readonly state: T } | undefined
  #available = true
  #stopped = false

  constructor(listener: WatchListener<T>, same: (a: T, b: T) => boolean) {
    this.#listener = listener
    this.#same = same
  }

  /** The last state told. */
  get current(): T | undefined {
    return this.#told?.state
  }

  /** Tells the state if it differs from the last one told. */
  state(state: T): void {
    if (this.#stopped || (this.#told !== undefined && this.#same(this.#told.state, state))) return
    this.#told = { state }
    this.#listener.onState(state)
  }

  /** Tells that the store can't be reached, or can be again, if that is news. */
  availability(available: boolean, detail: string): void {
    if (this.#stopped || this.#available === available) return
    this.#available = available
    this.#listener.onAvailability(available, detail)
  }

  /** From now on nothing is told. */
  stop(): void {
    this.#stopped = true
  }
}
