import { LIMITS } from '../../core/limits.ts'

/** So many times `connectionUnsentBytes` are too much. */
const OVERFLOW_FACTOR = 6

let totalUnsentBytes = 0

/** Connections hold so much unsent, all together, that applications should be read in small pieces: what is read then waits, too. */
export const isMuchUnsent = (): boolean => totalUnsentBytes > 2 * LIMITS.connectionUnsentBytes

/** What a connection makes us hold: answers that its peer does not take (CVE-2019-9517), and the heads of its requests. */
export class HeldMemory {
  readonly #highWaterBytes: number
  readonly #mostHeadBytes: number
  #unsentBytes = 0
  /** Heads of the requests in flight: few octets of HPACK may say much (CVE-2026-47774). */
  headBytes = 0

  /** @param highWaterBytes what one stream may hold unsent while there is room */
  constructor(highWaterBytes: number, mostHeadBytes: number) {
    this.#highWaterBytes = highWaterBytes
    this.#mostHeadBytes = mostHeadBytes
  }

  /** Body bytes that wait in all streams. */
  get unsentBytes(): number {
    return this.#unsentBytes
  }

  /** So many more wait, or fewer. */
  addUnsent(bytes: number): void {
    this.#unsentBytes += bytes
    totalUnsentBytes += bytes
  }

  /** All streams together hold more unsent than they should. */
  get isTight(): boolean {
    return this.unsentBytes > LIMITS.connectionUnsentBytes
  }

  /** They hold more than they may. */
  get isOverflowing(): boolean {
    return this.unsentBytes > OVERFLOW_FACTOR * LIMITS.connectionUnsentBytes
  }

  /** Nothing new should begin. */
  get isFull(): boolean {
    return this.isOverflowing || this.headBytes > this.#mostHeadBytes
  }

  /** Bytes that one stream may hold before its source is told to stop. Never none, so that who reads goes on. */
  get highWaterBytes(): number {
    return this.isTight ? LIMITS.tightUnsentBytes : this.#highWaterBytes
  }
}
