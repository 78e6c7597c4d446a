/**
 * The window that we grant the peer on the connection (RFC 9113 §6.9). Bytes held for sinks that read slowly are given
 * back at once, up to a limit, so that who reads slowly stops nobody else.
 */
export class ReceiveWindow {
  readonly #windowBytes: number
  readonly #mostHeldBytes: number
  readonly #onUnclogged: () => void
  /** Bytes that the peer may still send. */
  leftBytes: number
  #uncreditedBytes = 0
  /** Held for paused sinks and given back to the window already. */
  #heldBytes = 0

  /** @param onUnclogged hears each time that it is clogged no more */
  constructor(windowBytes: number, mostHeldBytes: number, onUnclogged: () => void) {
    this.#onUnclogged = onUnclogged
    this.#windowBytes = windowBytes
    this.#mostHeldBytes = mostHeldBytes
    this.leftBytes = windowBytes
  }

  /**
   * Slow readers hold so much of it that an answer could not come through, or as much again as it is, at both ends of the
   * connection: what is new goes elsewhere. While sinks take bytes it never falls below a half.
   */
  get isClogged(): boolean {
    return this.leftBytes * CLOGGED_SHARE < this.#windowBytes || this.#heldBytes >= this.#windowBytes
  }

  /** Bytes left our hands. Answers the WINDOW_UPDATE that is due now, 0 for none: the peer must not run dry while it waits for our word. */
  credit(bytes: number): number {
    this.#uncreditedBytes += bytes
    const due = this.#uncreditedBytes
    if (due === 0 || due < this.leftBytes) return 0
    const wasClogged = this.isClogged
    this.leftBytes += due
    this.#uncreditedBytes = 0
    if (wasClogged && !this.isClogged) this.#onUnclogged()
    return due
  }

  /** Bytes are held. Answers how many of them may be credited at once. */
  hold(bytes: number): number {
    const count = Math.min(bytes, this.#mostHeldBytes - this.#heldBytes)
    this.#heldBytes += count
    return count
  }

  /** Held bytes that were credited left our hands. */
  release(bytes: number): void {
    const wasClogged = this.isClogged
    this.#heldBytes -= bytes
    if (wasClogged && !this.isClogged) this.#onUnclogged()
  }
}

const CLOGGED_SHARE = 16
