import { LIMITS } from '../../core/limits.ts'

/** So many times `connectionUnsentBytes` are too much. */
const OVERFLOW_FACTOR = 3

/** The body bytes that wait in all streams of a connection, for a peer that does not take them (CVE-2019-9517). */
export class UnsentMemory {
  readonly #highWaterBytes: number
  /** Bytes that wait. */
  bytes = 0

  /** @param highWaterBytes what one stream may hold while there is room */
  constructor(highWaterBytes: number) {
    this.#highWaterBytes = highWaterBytes
  }

  /** All streams together hold more than they should. */
  get isTight(): boolean {
    return this.bytes > LIMITS.connectionUnsentBytes
  }

  /** They hold more than they may: nothing new should begin. */
  get isOverflowing(): boolean {
    return this.bytes > OVERFLOW_FACTOR * LIMITS.connectionUnsentBytes
  }

  /** Bytes that one stream may hold before its source is told to stop. Never none, so that who reads goes on. */
  get highWaterBytes(): number {
    return this.isTight ? LIMITS.tightUnsentBytes : this.#highWaterBytes
  }
}
