import { err, ok, type Result } from '../../certs/result.ts'
import { type Clock, sleep } from '../../sidecar/core/clock.ts'

const POLL_MS = 50

/**
 * Asks `check` until it answers undefined, at most for `timeoutMs`. The error is what `check` answered last: what is
 * still missing, as words for a person.
 */
export async function waitUntil(
  clock: Clock,
  timeoutMs: number,
  check: () => Promise<string | undefined> | string | undefined,
): Promise<Result<void, string>> {
  const endMs = clock.nowMs() + timeoutMs
  for (;;) {
    const missing = await check()
    if (missing === undefined) return ok(undefined)
    if (clock.nowMs() >= endMs) return err(missing)
    await sleep(clock, POLL_MS)
  }
}
