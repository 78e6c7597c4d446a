import type { Socket } from 'node:net'
import { LIMITS } from '../core/limits.ts'
import { TurnBudget } from '../core/turn-budget.ts'
import type { Http1Counters } from '../http1/http1-counters.ts'
import { loopTurn } from './loop-turn.ts'

/** Octets that may wait unread behind a request that is being answered: past it, nothing more is read (CVE-2026-93491). */
const UNREAD_HIGH_BYTES = 16 * 1024

/** What a server connection is ready for. */
export interface ReadWish {
  /** It works on what comes. */
  readonly mayRead: boolean
  /** It would at least keep some of what comes. */
  readonly mayReadAhead: boolean
  /** Octets that came and were not worked on. */
  readonly unreadBytes: number
}

/** Whether a server connection reads: not what it has no room for, and no more in a turn of the event loop than its share. */
export class Http1ReadGate {
  readonly #socket: Socket
  readonly #counters: Http1Counters
  readonly #proceed: () => void
  readonly #budget = new TurnBudget(LIMITS.piecesPerTurnCount, LIMITS.requestsPerTurnCount)
  #turn = -1
  #isReading = true
  /** What is unread is for the next turn. */
  isHeldBack = false

  /** @param proceed called in the turn after one whose share was used up */
  constructor(socket: Socket, counters: Http1Counters, proceed: () => void) {
    this.#socket = socket
    this.#counters = counters
    this.#proceed = proceed
  }

  /** Something is left of the share of this turn. */
  get hasShare(): boolean {
    return this.#budget.left > 0
  }

  /** To be called before what came is worked on. */
  beginTurn(): void {
    const turn = loopTurn()
    if (turn === this.#turn) return
    this.#turn = turn
    this.#budget.renew()
  }

  takePiece(): void {
    this.#budget.left--
  }

  /** @param headBytes octets of its head */
  takeRequest(headBytes: number): void {
    this.#budget.takeMessage(headBytes)
  }

  /** Holds the rest back, if the share of this turn is used up. */
  holdBack({ mayRead, unreadBytes }: ReadWish): void {
    if (this.hasShare || this.isHeldBack || !mayRead || unreadBytes === 0) return
    this.isHeldBack = true
    this.#counters.heldBack++
    setImmediate(() => {
      this.isHeldBack = false
      this.#proceed()
    })
  }

  /** Reads, or does not. */
  set(wish: ReadWish): void {
    const shouldRead = !this.isHeldBack && (wish.mayRead || this.#mayReadAhead(wish))
    if (shouldRead === this.#isReading) return
    this.#isReading = shouldRead
    if (shouldRead) this.#socket.resume()
    else this.#socket.pause()
  }

  #mayReadAhead({ mayReadAhead, unreadBytes }: ReadWish): boolean {
    if (!mayReadAhead || unreadBytes < UNREAD_HIGH_BYTES) return mayReadAhead
    if (this.#isReading) this.#counters.pipelining++
    return false
  }
}
