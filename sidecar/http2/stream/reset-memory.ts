/** Streams that are remembered. */
const COUNT = 256

/** Streams that we reset, lately: frames of theirs that are under way are no fault of the peer's (RFC 9113 §5.1). */
export class ResetMemory {
  readonly #ids = new Int32Array(COUNT)
  #next = 0

  add(streamId: number): void {
    this.#ids[this.#next] = streamId
    this.#next = (this.#next + 1) % COUNT
  }

  has(streamId: number): boolean {
    return this.#ids.includes(streamId)
  }
}
