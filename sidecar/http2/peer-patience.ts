import { LIMITS } from '../core/limits.ts'
import { meshError } from '../core/mesh-errors.ts'
import type { ConnectionCore } from './connection-core.ts'
import type { FrameReader } from './frame/frame-reader.ts'
import { ErrorCode } from './frame/frame-type.ts'
import type { ReceivedFrames } from './received-frames.ts'
import type { ServerStream } from './stream/server-stream.ts'

/** How often a server looks whether its peer goes on, ms. */
export const LOOK_MS: number = LIMITS.linkPingIntervalMs / 2

/** Looks at which nothing may have happened; the first one comes at any time after it began. */
const MOST_LOOKS = LIMITS.streamStallMs / LOOK_MS
const TIGHT_LOOKS = LIMITS.tightStallMs / LOOK_MS
const FRAME_LOOKS = LIMITS.headTimeoutMs / LOOK_MS

const STALLED = meshError('timeout', 'the caller does not read the answer, or does not go on with its request')

/**
 * How long a peer is waited for that does not read, and, by a server, one that has begun something: the first frame, a
 * frame, a body, the reading of an answer.
 */
export class PeerPatience {
  readonly #core: ConnectionCore
  readonly #reader: FrameReader
  readonly #frames: ReceivedFrames
  /** Looks in a row that found the same frame incomplete, or no frame at all. */
  #frameLooks = 0
  #tailCount = -1
  /** Looks in a row that found the same write under way. */
  #writeLooks = 0
  #takenCount = -1

  constructor(core: ConnectionCore, reader: FrameReader, frames: ReceivedFrames) {
    this.#core = core
    this.#reader = reader
    this.#frames = frames
  }

  /** To be called every `LOOK_MS`. */
  look(): void {
    if (this.#awaitsReading() && ++this.#writeLooks >= MOST_LOOKS) {
      this.#core.guard.counters.unread++
      this.#core.fail(ErrorCode.enhanceYourCalm, 'what was sent is not read')
      return
    }
    if (this.#core.role === 'client') return
    if (this.#awaitsFrame() && ++this.#frameLooks >= FRAME_LOOKS) {
      this.#core.guard.counters.slowFrame++
      this.#core.fail(
        this.#frames.hasSettings ? ErrorCode.enhanceYourCalm : ErrorCode.settingsTimeout,
        'a frame does not end',
      )
      return
    }
    this.#lookAtStreams()
  }

  /** Whether the peer has not read, since the last look, what we are sending. */
  #awaitsReading(): boolean {
    const { takenCount, isBacklogged } = this.#core.outflow
    const isSame = takenCount === this.#takenCount && isBacklogged
    this.#takenCount = takenCount
    if (!isSame) this.#writeLooks = 0
    return isSame
  }

  /** Whether the frame that the last look saw, too, is still not complete. DATA is waited for as a body. */
  #awaitsFrame(): boolean {
    const { tailCount, isFramePartial } = this.#reader
    const isSame = tailCount === this.#tailCount
    this.#tailCount = tailCount
    if (!this.#frames.hasSettings || (isFramePartial && isSame)) return true
    this.#frameLooks = 0
    return false
  }

  #lookAtStreams(): void {
    const core = this.#core
    const lookCount = core.memory.isTight ? TIGHT_LOOKS : MOST_LOOKS
    for (const stream of core.streams.list() as readonly ServerStream[]) {
      if (!stream.isStalled(lookCount, LIMITS.streamStallBytes)) continue
      core.guard.counters.stalledStream++
      stream.fail(ErrorCode.cancel, STALLED)
    }
  }
}
