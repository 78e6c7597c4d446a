/**
 * Who may keep a connection open to wait for changes. An agent closes the 201st connection of one client, so the number
 * of waiting queries has a cap whatever the number of services; who gets no slot asks again and again, at a shared pace.
 */
export class BlockingSlots {
  readonly #most: number
  readonly #holders = new Set<object>()

  constructor(most: number) {
    this.#most = most
  }

  /** How many are in use. */
  get takenCount(): number {
    return this.#holders.size
  }

  /** Whether `holder` has a slot, now or already. */
  take(holder: object): boolean {
    if (!this.#holders.has(holder) && this.#holders.size >= this.#most) return false
    this.#holders.add(holder)
    return true
  }

  release(holder: object): void {
    this.#holders.delete(holder)
  }
}
