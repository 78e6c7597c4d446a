import type { Clock } from '../../core/clock.ts'
import { LIMITS } from '../../core/limits.ts'
import type { ErrorCode } from '../frame/frame-type.ts'
import type { HeaderBlock } from '../hpack/header-block.ts'
import type { Http2Settings } from '../http2-settings.ts'
import { FAULTS, type Http2Counters } from './http2-counters.ts'
import { TokenBucket } from './token-bucket.ts'

/** Frames for each stream opened that do nothing but cost; Envoy's figures. */
const PRIORITIES_PER_STREAM = 100
const WINDOW_UPDATES_PER_STREAM = 2
const WINDOW_UPDATES_PER_DATA_FRAME = 20
const WINDOW_UPDATES_AT_START = 100
/** So many times the limit of octets or fields is no mistake: hyperium/h2's figure. Less is answered with 431. */
const BOMB_FACTOR = 4

/**
 * Counts what costs the peer less than us. Every method answers whether it may go on; false means a GOAWAY with
 * ENHANCE_YOUR_CALM, and has been counted.
 */
export class FloodGuard {
  readonly counters: Http2Counters
  readonly #settings: Http2Settings
  readonly #clock: Clock
  readonly #resets: TokenBucket
  readonly #earlyResets: TokenBucket
  readonly #provoked: TokenBucket
  readonly #pings: TokenBucket
  readonly #settingsFrames: TokenBucket
  #provokedLeft: number
  #emptyFrames = 0
  #priorityCredit = PRIORITIES_PER_STREAM
  #windowUpdateCredit = WINDOW_UPDATES_AT_START

  constructor(settings: Http2Settings, clock: Clock, counters: Http2Counters) {
    this.counters = counters
    this.#settings = settings
    this.#clock = clock
    const nowMs = clock.nowMs()
    this.#resets = new TokenBucket(settings.resetBurstCount, settings.resetsPerSecond, nowMs)
    this.#earlyResets = new TokenBucket(settings.earlyResetBurstCount, settings.earlyResetsPerSecond, nowMs)
    this.#provokedLeft = settings.provokedResetLifeCount
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

  /** The reset of a request that has no answer, `ageMs` after it began. */
  takesEarlyReset(ageMs: number): boolean {
    return ageMs > LIMITS.earlyResetMs || this.#earlyResets.take(this.#clock.nowMs()) || this.#tripped('earlyReset')
  }

  takesProvokedReset(): boolean {
    const isRare = this.#provoked.take(this.#clock.nowMs()) && --this.#provokedLeft >= 0
    return isRare || this.#tripped('provokedReset')
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

  /** A header list over a limit is refused; one over many times a limit was made to do harm. */
  takesList({ isTooLarge, listBytes, fieldCount }: HeaderBlock): boolean {
    if (!isTooLarge) return true
    const { headerListBytes, headerCount } = this.#settings
    const isMistake = listBytes <= BOMB_FACTOR * headerListBytes && fieldCount <= BOMB_FACTOR * headerCount
    return isMistake || this.#tripped('headerBomb')
  }

  takesControlFrame(waiting: number): boolean {
    return waiting <= this.#settings.queuedControlFrameCount || this.#tripped('controlQueueFlood')
  }

  /** The connection ends with an error of this code. */
  countFault(code: ErrorCode): void {
    const fault = FAULTS.get(code)
    if (fault !== undefined) this.counters[fault]++
  }

  #tripped(counter: keyof Http2Counters): false {
    this.counters[counter]++
    return false
  }
}
