import assert from 'node:assert/strict'
import { LIMITS } from '../core/limits.ts'
import { PieceList } from '../core/piece-list.ts'

/** What all replay buffers of a sidecar hold together. */
export class ReplayMemory {
  readonly #limitBytes: number
  #heldBytes = 0

  /** @param limitBytes the most that may be held at once */
  constructor(limitBytes: number = LIMITS.replayBufferTotalBytes) {
    this.#limitBytes = limitBytes
  }

  /** Bytes held now. Returns to 0 when nothing leaks. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** Takes room for `bytes`; false when there is not enough. */
  take(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.#limitBytes) return false
    this.#heldBytes += bytes
    return true
  }

  /** Gives room back. */
  giveBack(bytes: number): void {
    this.#heldBytes -= bytes
    assert(this.#heldBytes >= 0, 'no more room is given back than was taken')
  }
}

/**
 * The beginning of one request's body, kept so that it can be sent again. A body that outgrows its limit, or the room of
 * all, commits the exchange to the try it is on: what was kept stays for a try that has not begun, nothing is added.
 */
export class ReplayBuffer {
  readonly #memory: ReplayMemory
  readonly #limitBytes: number
  readonly #pieces = new PieceList()
  #isComplete = true

  constructor(memory: ReplayMemory, limitBytes: number = LIMITS.replayBufferBytes) {
    this.#memory = memory
    this.#limitBytes = limitBytes
  }

  /** Keeps a copy of `chunk`, which is borrowed. False when it does not fit, or one before did not: it is not kept. */
  append(chunk: Buffer): boolean {
    if (!this.#isComplete) return false
    if (this.#pieces.bytes + chunk.length > this.#limitBytes || !this.#memory.take(chunk.length)) {
      this.#isComplete = false
      return false
    }
    this.#pieces.append(chunk)
    return true
  }

  /** Everything appended so far is here. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** What is kept, in order: the buffer's own, not to be changed, valid until `release`. */
  get chunks(): readonly Buffer[] {
    return this.#pieces.all
  }

  /** Forgets everything and gives the room back. Nothing is kept from here on. Calling it again does nothing. */
  release(): void {
    this.#memory.giveBack(this.#pieces.bytes)
    this.#pieces.discard()
    this.#isComplete = false
  }
}
