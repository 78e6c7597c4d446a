/** No owner tells the turns: there is no end to it. A small integer, so that counting costs no more than that. */
const UNTOLD = 2 ** 30

/** So much of a head costs as much as a piece: the longest one takes half of a turn, and an ordinary one hardly anything. */
const PIECE_HEAD_BYTES = 256

/**
 * What one connection may have done in one turn of the event loop, before all others get theirs: pieces of input, and
 * messages begun, which cost more. A stranger that sends many small things at once would else have the processor for as
 * long as it takes to read them. Without bounds until the owner tells the first turn.
 */
export class TurnBudget {
  /** Pieces that may still be read; with none left the rest waits for the next turn. */
  left: number = UNTOLD
  readonly #pieceCount: number
  readonly #messageCost: number
  readonly #cancelCost: number

  /** @param messageCount messages that may begin in one turn, if nothing else is in it; as `cancelCount`, which may be given up */
  constructor(pieceCount: number, messageCount: number, cancelCount: number = messageCount) {
    this.#pieceCount = pieceCount
    this.#cancelCost = Math.ceil(pieceCount / cancelCount)
    this.#messageCost = Math.ceil(pieceCount / messageCount)
  }

  /** Another turn began. */
  renew(): void {
    this.left = this.#pieceCount
  }

  /** A message begins whose head is `headBytes` when it is unpacked: a block of a few octets can be 64 KiB (CVE-2026-47774). */
  takeMessage(headBytes = 0): void {
    this.left -= this.#messageCost + Math.floor(headBytes / PIECE_HEAD_BYTES)
  }

  /** A message is given up that has begun: with it a connection to the application, perhaps, which is closed and made anew. */
  takeCancel(): void {
    this.left -= this.#cancelCost
  }
}
