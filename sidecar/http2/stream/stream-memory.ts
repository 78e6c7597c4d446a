/** Streams that are remembered. */
const COUNT = 256

/** Ids of streams, the latest. */
export class StreamMemory {
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
