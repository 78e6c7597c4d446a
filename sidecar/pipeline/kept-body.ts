import { PieceList } from '../core/piece-list.ts'
import { type Fields, NO_FIELDS } from '../http/head.ts'
import type { UpstreamStream } from '../http/streams.ts'
import type { ReplayBuffer } from '../resilience/replay-buffer.ts'

/**
 * What came of a request's body before a try could take it, and what another try would need of it: the replay buffer as
 * far as it goes, and beyond it, while no stream is open, the rest. Nothing that came is ever lost.
 */
export class KeptBody {
  readonly #newReplayBuffer: () => ReplayBuffer
  #replay: ReplayBuffer | undefined
  /** Body that came while no stream was open and that the replay buffer would not take. */
  #held: PieceList | undefined
  #isReplaying = true
  /** Nothing more comes. */
  isEnded: boolean
  /** What came behind it. */
  trailers: Fields = NO_FIELDS

  constructor(newReplayBuffer: () => ReplayBuffer, isEnded = false) {
    this.#newReplayBuffer = newReplayBuffer
    this.isEnded = isEnded
  }

  /** Everything that came can be sent again from its beginning. */
  get canReplay(): boolean {
    return this.#held === undefined && (this.#replay === undefined || this.#replay.isComplete)
  }

  /** Takes a copy of `chunk`, which is borrowed, as far as it may be needed. `isSent`: an open stream has it. */
  keep(chunk: Buffer, isSent: boolean): void {
    let isKept = false
    if (this.#isReplaying && this.#held === undefined) {
      this.#replay ??= this.#newReplayBuffer()
      isKept = this.#replay.append(chunk)
    }
    if (isKept || isSent) return
    this.#held ??= new PieceList()
    this.#held.append(chunk)
  }

  /** Sends all of it, and the end where it came. Whether the rest is wanted now. */
  sendTo(stream: UpstreamStream): boolean {
    let takesMore = true
    for (const chunk of this.#replay?.chunks ?? []) takesMore = stream.sendBody(chunk)
    for (const chunk of this.#held?.all ?? []) takesMore = stream.sendBody(chunk)
    if (this.isEnded) stream.sendEnd(this.trailers)
    return takesMore && !this.isEnded
  }

  /** No other try will be made: gives the memory back, and keeps nothing from here on. */
  release(): void {
    this.#isReplaying = false
    this.#replay?.release()
    this.#replay = undefined
    this.#held?.discard()
    this.#held = undefined
  }
}
