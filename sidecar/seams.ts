import type { Clock } from './core/clock.ts'
import type { Logger } from './core/logger.ts'
import type { Random } from './core/random.ts'

/** The outside, as arguments. */
export interface Seams {
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Where the access log is written. */
  readonly accessLog: NodeJS.WritableStream
  /** Version of this program. */
  readonly version: string
}
