import type { Clock } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { countedStatus } from '../http/grpc-status.ts'
import { type ExchangeRecord, keepable, withoutQuery } from './exchange-record.ts'

/** Which exchanges are written: none, those with a flag or a 5xx (of gRPC: what counts as one), all. */
export type AccessLogMode = 'off' | 'errors' | 'all'

/** Where lines go: what a stream offers, no more. */
export interface LineStream {
  /** False when the reader is slow: nothing more until `drain`. */
  write(text: string): boolean
  once(event: 'drain', listener: () => void): unknown
}

/** How long lines are collected before they are written together. */
const FLUSH_MS = 100
/** Collected text that is written without waiting for the timer. */
const FLUSH_CHARACTERS = 16 * 1024

/**
 * One JSON line for each exchange. Lines are collected and written together, never waited for; what a slow reader or the
 * rate limit leaves no room for is dropped and counted.
 */
export class AccessLog {
  readonly #stream: LineStream
  readonly #clock: Clock
  readonly #onDrop: () => void
  #mode: AccessLogMode = 'off'
  #text = ''
  #isBlocked = false
  #isTimed = false
  #second = 0
  #linesThisSecond = 0

  constructor(stream: LineStream, clock: Clock, onDrop: () => void) {
    this.#stream = stream
    this.#clock = clock
    this.#onDrop = onDrop
  }

  /** Follows the Telemetry resource. */
  setMode(mode: AccessLogMode): void {
    this.#mode = mode
  }

  /** Writes the exchange, if the mode wants it. Called once for each, when it has ended. */
  record(exchange: ExchangeRecord): void {
    if (this.#mode === 'off') return
    if (this.#mode === 'errors' && exchange.flag === '-' && countedStatus(exchange.status, exchange.grpcStatus) < 500)
      return
    const second = Math.floor(this.#clock.nowMs() / 1_000)
    if (second !== this.#second) {
      this.#second = second
      this.#linesThisSecond = 0
    }
    if (this.#linesThisSecond >= LIMITS.accessLogLinesPerSecond || this.#text.length >= LIMITS.accessLogBufferBytes) {
      this.#onDrop()
      return
    }
    this.#linesThisSecond++
    this.#text += `${toAccessLine(exchange)}\n`
    if (this.#text.length >= FLUSH_CHARACTERS) this.flush()
    else this.#startTimer()
  }

  /** Writes what was collected, unless the reader is behind. */
  flush(): void {
    if (this.#text === '' || this.#isBlocked) return
    const text = this.#text
    this.#text = ''
    if (this.#stream.write(text)) return
    this.#isBlocked = true
    this.#stream.once('drain', () => {
      this.#isBlocked = false
      this.flush()
    })
  }

  #startTimer(): void {
    if (this.#isTimed || this.#isBlocked) return
    this.#isTimed = true
    const flush = (): void => {
      this.#isTimed = false
      this.flush()
    }
    this.#clock.after(FLUSH_MS, flush, { background: true })
  }
}

/** The line of one exchange. The query is left out: it carries secrets. */
export function toAccessLine(exchange: ExchangeRecord): string {
  const { startMs, durationMs, method, path, code, traceId, policy, ...rest } = exchange
  return JSON.stringify({
    time: new Date(startMs).toISOString(),
    durationMs: Math.round(durationMs * 1_000) / 1_000,
    method: keepable(method),
    ...rest,
    path: withoutQuery(path),
    code,
    policy,
    traceId,
  })
}
