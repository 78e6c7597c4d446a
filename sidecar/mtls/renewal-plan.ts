import { CLOCK_SKEW_MS } from '../../certs/certificate.ts'
import type { BackoffPolicy } from '../core/backoff.ts'
import type { Random } from '../core/random.ts'

/** When a certificate is valid, wall-clock ms. */
interface Validity {
  readonly notBeforeMs: number
  readonly notAfterMs: number
}

/** Renewal falls between these shares of a certificate's life, so that sidecars that began together spread out. */
const EARLIEST_RATIO = 0.5
const LATEST_RATIO = 0.7
/** Share of the rest of its life within which a certificate is renewed that is overdue. */
const OVERDUE_RATIO = 0.1
/** No certificate is renewed more often, whatever its dates say: a wrong clock must not make a loop of requests. */
const LEAST_WAIT_MS = 1_000

/**
 * How long a certificate lives from its making, ms. Our authority dates `notBefore` back by the clock skew that it
 * allows for; the dates of others are taken as they are.
 */
export function lifetimeMs(validity: Validity): number {
  const wholeMs = validity.notAfterMs - validity.notBeforeMs
  return wholeMs > CLOCK_SKEW_MS ? wholeMs - CLOCK_SKEW_MS : wholeMs
}

/**
 * How long to wait before a certificate is renewed, ms from now: at 50–70 % of its life, uniformly.
 *
 * A certificate that was just signed (`isFresh`) is counted from now and not from its dates, as the two clocks may
 * differ by more than its life; but never past 70 % of what is left of it here. One that was read from a file is counted
 * from its making; when that time has gone by, it is renewed within a tenth of what is left, as a thousand sidecars may
 * have been started together.
 */
export function renewalWaitMs(validity: Validity, isFresh: boolean, wallMs: number, random: Random): number {
  const ratio = EARLIEST_RATIO + (LATEST_RATIO - EARLIEST_RATIO) * random()
  const lifeMs = lifetimeMs(validity)
  const leftMs = Math.max(0, validity.notAfterMs - wallMs)
  if (isFresh) return Math.max(LEAST_WAIT_MS, Math.min(lifeMs, leftMs) * ratio)
  const dueInMs = lifeMs * ratio - Math.max(0, lifeMs - leftMs)
  return dueInMs > 0 ? dueInMs : leftMs * OVERDUE_RATIO * random()
}

/** Waits after failures while there is no certificate at all: short, as the workload can't serve. */
const FIRST_BACKOFF: BackoffPolicy = { baseMs: 250, maxMs: 15_000 }

/** Waits after failures: a fiftieth of the life to begin with and a tenth at most, so that short lives have tries enough. */
export function renewalBackoff(validity: Validity | undefined): BackoffPolicy {
  if (validity === undefined) return FIRST_BACKOFF
  const lifeMs = lifetimeMs(validity)
  const baseMs = Math.min(1_000, Math.max(100, lifeMs / 50))
  return { baseMs, maxMs: Math.min(300_000, Math.max(baseMs, lifeMs / 10)) }
}
