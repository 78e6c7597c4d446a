import type { Clock } from './clock.ts'
import { LIMITS } from './limits.ts'

/** From the least to the most important; `off` writes nothing. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'off'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What a line says besides its message. Values that are secret by their name are not written. */
export type LogFields = Readonly<Record<string, unknown>>

/** Takes one line of JSON, without its line break. */
export type LogSink = (line: string) => void

/** Whether a text names a level. */
export const isLogLevel = (text: string): text is LogLevel => (LOG_LEVELS as readonly string[]).includes(text)

/** What all children of one logger share. */
interface Shared {
  readonly sink: LogSink
  readonly clock: Clock
  readonly lines: Map<string, { second: number; count: number; suppressed: number }>
  level: LogLevel
}

/** Messages are constants of the code, so there are few; should one hold a value after all, it can't fill the memory. */
const MESSAGE_COUNT = 1_000
/** `certificateNotAfter` and its kind are no secrets; a key and a token are. */
const SECRET_NAME = /token|secret|password|passwd|authorization|cookie|private.?key|^key$|keypem/i
const SECRET_TEXT = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?/g

/**
 * Events as lines of JSON: `{"time":…,"level":…,"message":…,…fields}`. A message that comes too often in one second is
 * suppressed, and the next second's first line says how often.
 */
export class Logger {
  readonly #shared: Shared
  readonly #fields: LogFields

  private constructor(shared: Shared, fields: LogFields) {
    this.#shared = shared
    this.#fields = fields
  }

  /** A logger of its own. `clock` gives the time of the lines. */
  static to(sink: LogSink, clock: Clock, level: LogLevel = 'info'): Logger {
    return new Logger({ sink, clock, lines: new Map(), level }, {})
  }

  /** A logger that writes these fields with every line. Level and rate are shared with this one. */
  child(fields: LogFields): Logger {
    return new Logger(this.#shared, { ...this.#fields, ...fields })
  }

  get level(): LogLevel {
    return this.#shared.level
  }

  /** Changes the level of this logger and of all that descend from the same one. */
  setLevel(level: LogLevel): void {
    this.#shared.level = level
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields)
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields)
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields)
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields)
  }

  #write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const { level: least, clock, sink } = this.#shared
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return
    const wallMs = clock.wallMs()
    const suppressed = this.#countLine(message, Math.floor(wallMs / 1_000))
    if (suppressed < 0) return
    const told = suppressed > 0 ? { suppressed } : undefined
    const head = { time: new Date(wallMs).toISOString(), level, message }
    sink(toJsonLine({ ...head, ...withoutReserved(this.#fields), ...withoutReserved(fields), ...told }))
  }

  /** How many lines with this message were left out before this one; −1 when this one is to be left out. */
  #countLine(message: string, second: number): number {
    const { lines } = this.#shared
    const seen = lines.get(message)
    if (seen === undefined) {
      if (lines.size >= MESSAGE_COUNT) lines.clear()
      lines.set(message, { second, count: 1, suppressed: 0 })
      return 0
    }
    if (seen.second !== second) {
      const { suppressed } = seen
      seen.second = second
      seen.count = 1
      seen.suppressed = 0
      return suppressed
    }
    if (seen.count >= LIMITS.logLinesPerSecond) {
      seen.suppressed++
      return -1
    }
    seen.count++
    return 0
  }
}

/** A field must not pass for the line's own. */
function withoutReserved(fields: LogFields | undefined): LogFields | undefined {
  if (fields === undefined || !('time' in fields || 'level' in fields || 'message' in fields)) return fields
  const { time, level, message, ...rest } = fields
  return { ...rest, fieldTime: time, fieldLevel: level, fieldMessage: message }
}

function toJsonLine(record: object): string {
  try {
    return JSON.stringify(record, toLoggable)
  } catch {
    // A field that refers to itself: the message is worth more than the field.
    const plain = Object.entries(record).filter(([, value]) => typeof value !== 'object')
    return JSON.stringify(Object.fromEntries(plain), toLoggable)
  }
}

/** Errors by message and code (a stack would name files of the machine), secrets not at all. */
function toLoggable(name: string, value: unknown): unknown {
  if (SECRET_NAME.test(name) && value !== undefined) return '[redacted]'
  if (typeof value === 'string') return value.includes('PRIVATE KEY') ? value.replace(SECRET_TEXT, '[redacted]') : value
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Error) {
    const { code, cause } = value as Error & { code?: unknown }
    return { error: value.message, ...(code === undefined ? {} : { code }), ...(cause === undefined ? {} : { cause }) }
  }
  return value
}
