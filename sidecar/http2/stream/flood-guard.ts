import type { Clock } from '../../core/clock.ts'
import type { Http2Settings } from '../http2-settings.ts'
import { TokenBucket } from './token-bucket.ts'

/** How often each defence ended a connection or refused a message. One object may be shared by many connections. */
export interface Http2Counters {
  /** CVE-2023-44487: RST_STREAM received. */
  rapidReset: number
  /** CVE-2025-8671: stream errors provoked. */
  provokedReset: number
  /** CVE-2019-9512; also GOAWAY and acknowledgements without end. */
  pingFlood: number
  /** CVE-2019-9515. */
  settingsFlood: number
  /** CVE-2019-9518. */
  emptyFrameFlood: number
  /** CVE-2024-27316. */
  continuationFlood: number
  /** CVE-2019-9513; also frames of unknown types. */
  priorityFlood: number
  windowUpdateFlood: number
  /** Control frames that the peer does not read: CVE-2019-9512, CVE-2019-9514. */
  controlQueueFlood: number
  /** CVE-2026-47774: header lists over a limit; answered with 431, not an end. */
  headerListTooLarge: number
  /** Malformed messages (RFC 9113 §8.1.1); stream errors. */
  malformedMessage: number
  /** Streams refused over the limit of streams, or because the peer does not read. */
  refusedStream: number
  /** PRIORITY frames and those of unknown types: ignored. */
  priorityFrames: number
}

/** Fresh counters. */
export const http2Counters = (): Http2Counters => ({
  rapidReset: 0,
  provokedReset: 0,
  pingFlood: 0,
  settingsFlood: 0,
  emptyFrameFlood: 0,
  continuationFlood: 0,
  priorityFlood: 0,
  windowUpdateFlood: 0,
  controlQueueFlood: 0,
  headerListTooLarge: 0,
  malformedMessage: 0,
  refusedStream: 0,
  priorityFrames: 0,
})

/** Frames for each stream opened that do nothing but cost; Envoy's figures. */
const PRIORITIES_PER_STREAM = 100
const WINDOW_UPDATES_PER_STREAM = 2
const WINDOW_UPDATES_PER_DATA_FRAME = 20
const WINDOW_UPDATES_AT_START = 100

/**
 * Counts what costs the peer less than us. Every method answers whether it may go on; false means a GOAWAY with
 * ENHANCE_YOUR_CALM, and has been counted.
 */
export class FloodGuard {
  readonly counters: Http2Counters
  readonly #settings: Http2Settings
  readonly #clock: Clock
  readonly #resets: TokenBucket
  readonly #provoked: TokenBucket
  readonly #pings: TokenBucket
  readonly #settingsFrames: TokenBucket
  #emptyFrames = 0
  #priorityCredit = PRIORITIES_PER_STREAM
  #windowUpdateCredit = WINDOW_UPDATES_AT_START

  constructor(settings: Http2Settings, clock: Clock, counters: Http2Counters) {
    this.counters = counters
    this.#settings = settings
    this.#clock = clock
    const nowMs = clock.nowMs()
    this.#resets = new TokenBucket(settings.resetBurstCount, settings.resetsPerSecond, nowMs)
    this.#provoked = new TokenBucket(settings.provokedResetBurstCount, settings.provokedResetsPerSecond, nowMs)
    this.#pings = new TokenBucket(settings.pingsPerSecond, settings.pingsPerSecond, nowMs)
    this.#settingsFrames = new TokenBucket(settings.settingsPerSecond, settings.settingsPerSecond, nowMs)
  }

  streamOpened(): void {
    this.#priorityCredit += PRIORITIES_PER_STREAM
    this.#windowUpdateCredit += WINDOW_UPDATES_PER_STREAM
  }

  dataSent(): void {
    this.#windowUpdateCredit += WINDOW_UPDATES_PER_DATA_FRAME
  }

  takesReset(): boolean {
    return this.#resets.take(this.#clock.nowMs()) || this.#tripped('rapidReset')
  }

  takesProvokedReset(): boolean {
    return this.#provoked.take(this.#clock.nowMs()) || this.#tripped('provokedReset')
  }

  takesPing(): boolean {
    return this.#pings.take(this.#clock.nowMs()) || this.#tripped('pingFlood')
  }

  takesSettings(count: number): boolean {
    const isFew = count <= this.#settings.settingsPerFrameCount
    return (isFew && this.#settingsFrames.take(this.#clock.nowMs())) || this.#tripped('settingsFlood')
  }

  takesPriority(): boolean {
    this.counters.priorityFrames++
    return --this.#priorityCredit >= 0 || this.#tripped('priorityFlood')
  }

  takesWindowUpdate(): boolean {
    return --this.#windowUpdateCredit >= 0 || this.#tripped('windowUpdateFlood')
  }

  /** A DATA, HEADERS or CONTINUATION frame: ones that carry nothing and end nothing may not come in a row. */
  takesContent(isEmpty: boolean): boolean {
    if (!isEmpty) {
      this.#emptyFrames = 0
      return true
    }
    return ++this.#emptyFrames <= this.#settings.emptyFrameCount || this.#tripped('emptyFrameFlood')
  }

  takesContinuation(frameCount: number, blockBytes: number): boolean {
    const isShort = frameCount <= this.#settings.continuationFrameCount && blockBytes <= this.#settings.headerListBytes
    return isShort || this.#tripped('continuationFlood')
  }

  takesControlFrame(waiting: number): boolean {
    return waiting <= this.#settings.queuedControlFrameCount || this.#tripped('controlQueueFlood')
  }

  #tripped(counter: keyof Http2Counters): false {
    this.counters[counter]++
    return false
  }
}
