import type { Clock } from '../../core/clock.ts'
import { meshError } from '../../core/mesh-errors.ts'
import type { Http2Settings } from '../http2-settings.ts'
import type { Http2Stream } from './http2-stream.ts'
import { StreamState } from './stream-state.ts'
import { TokenBucket } from './token-bucket.ts'

/** Of the resets that our own settings allow: a peer that is one of us allows the same, and the network may bunch them. */
const SHARE = 0.8

/**
 * Streams that were given up and whose reset must wait. The peer counts resets and ends a connection that has too many
 * (CVE-2023-44487); where many callers share a link, and many of them give up at once, that would hit all of them.
 */
export class CancelQueue {
  readonly #clock: Clock
  readonly #bucket: TokenBucket
  readonly #waiting: Http2Stream[] = []

  constructor({ resetBurstCount, resetsPerSecond }: Http2Settings, clock: Clock) {
    this.#clock = clock
    this.#bucket = new TokenBucket(resetBurstCount * SHARE, resetsPerSecond * SHARE, clock.nowMs())
  }

  /** Whether a stream may be reset now. */
  takes(): boolean {
    return this.#waiting.length === 0 && this.#bucket.take(this.#clock.nowMs())
  }

  add(stream: Http2Stream): void {
    this.#waiting.push(stream)
  }

  /** Hands as many as may be reset now to `reset`. */
  release(reset: (stream: Http2Stream) => void): void {
    let count = 0
    for (; count < this.#waiting.length; count++) {
      const stream = this.#waiting[count] as Http2Stream
      if (stream.state === StreamState.closed) continue // the peer was faster
      if (!this.#bucket.take(this.#clock.nowMs())) break
      reset(stream)
      stream.abort(GIVEN_UP)
    }
    if (count > 0) this.#waiting.splice(0, count)
  }
}

/** Nobody hears it: the sink is gone. */
const GIVEN_UP = meshError('cancelled', 'given up')
