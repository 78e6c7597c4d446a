import type { Fields } from '../../http/head.ts'

/** Body bytes of one stream that wait for window or for the socket, and the end behind them. Made only when something waits. */
export class SendQueue {
  /** Copies: what came in was borrowed. */
  readonly #chunks: Buffer[] = []
  #first = 0
  #offset = 0
  /** Bytes that wait. */
  bytes = 0
  /** Trailers of the end that was asked for, undefined while there is more to come. */
  trailers: Fields | undefined
  /** The source was told to stop, and waits for the word to go on. */
  isSourceStopped = false

  /** Keeps a copy of `chunk` from `at` on. */
  push(chunk: Buffer, at: number): void {
    this.#chunks.push(Buffer.from(chunk.subarray(at)))
    this.bytes += chunk.length - at
  }

  /** The first piece that waits: a view from `offset`, or undefined. */
  get chunk(): Buffer | undefined {
    return this.#chunks[this.#first]
  }

  /** Where the first piece's unsent bytes begin. */
  get offset(): number {
    return this.#offset
  }

  /** `count` bytes of the first piece were sent. */
  advance(count: number): void {
    this.bytes -= count
    this.#offset += count
    if (this.#offset < (this.#chunks[this.#first]?.length ?? 0)) return
    this.#offset = 0
    this.#first++
    if (this.#first < 32 && this.#first < this.#chunks.length) return
    this.#chunks.splice(0, this.#first)
    this.#first = 0
  }
}
