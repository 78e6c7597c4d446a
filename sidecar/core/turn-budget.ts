/** No owner tells the turns: there is no end to it. A small integer, so that counting costs no more than that. */
const UNTOLD = 2 ** 30

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

  /** @param messageCount messages that may begin in one turn, if nothing else is in it */
  constructor(pieceCount: number, messageCount: number) {
    this.#pieceCount = pieceCount
    this.#messageCost = Math.ceil(pieceCount / messageCount)
  }

  /** Another turn began. */
  renew(): void {
    this.left = this.#pieceCount
  }

  /** A message begins. */
  takeMessage(): void {
    this.left -= this.#messageCost
  }
}
