/**
 * Windows of streams begin small and grow while their bytes are taken: a stream that nobody reads can make us hold the
 * first window and no more, and all streams together no more than `totalBytes` on top of that. RFC 9113 §6.9 leaves to
 * the receiver how much it grants.
 */
export class WindowGrowth {
  readonly #mostBytes: number
  #leftBytes: number

  /** @param mostBytes largest window of one stream */
  constructor(mostBytes: number, totalBytes: number) {
    this.#mostBytes = mostBytes
    this.#leftBytes = totalBytes
  }

  /** What a window of `bytes`, half of which was taken, grows by: to twice as much, if there is room. */
  take(bytes: number): number {
    const more = Math.max(0, Math.min(bytes, this.#mostBytes - bytes, this.#leftBytes))
    this.#leftBytes -= more
    return more
  }

  /** A stream that had grown by so much is over. */
  giveBack(bytes: number): void {
    this.#leftBytes += bytes
  }
}
