import { PieceList, recyclePiece } from '../../core/piece-list.ts'
import type { Fields } from '../../http/head.ts'

/** Body bytes of one stream that wait for window or for the socket, and the end behind them. Made only when something waits. */
export class SendQueue {
  readonly #pieces = new PieceList()
  #offset = 0
  /** Trailers of the end that was asked for, undefined while there is more to come. */
  trailers: Fields | undefined
  /** The source was told to stop, and waits for the word to go on. */
  isSourceStopped = false
  /** Bytes that were sent since the owner last asked how it goes. */
  sentBytes = 0

  /** Bytes that wait. */
  get bytes(): number {
    return this.#pieces.bytes - this.#offset
  }

  /** Keeps a copy of `chunk` from `at` on. */
  push(chunk: Buffer, at: number): void {
    this.#pieces.append(chunk, at)
  }

  /** The first piece that waits: a view from `offset`, or undefined. */
  get chunk(): Buffer | undefined {
    return this.#pieces.first
  }

  /** Where the first piece's unsent bytes begin. */
  get offset(): number {
    return this.#offset
  }

  /** Nothing of it will be sent. */
  discard(): void {
    this.#pieces.discard()
    this.#offset = 0
  }

  /** `count` bytes of the first piece were sent. */
  advance(count: number): void {
    this.sentBytes += count
    this.#offset += count
    if (this.#offset < (this.#pieces.first?.length ?? 0)) return
    this.#offset = 0
    const sent = this.#pieces.shift()
    if (sent !== undefined) recyclePiece(sent)
  }
}
