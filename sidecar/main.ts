import type { Bootstrap } from './config/bootstrap.ts'
import { systemClock } from './core/clock.ts'
import { isLogLevel, Logger } from './core/logger.ts'
import { systemRandom } from './core/random.ts'
import { startSidecar } from './sidecar.ts'

/** The code of a process that could not get what it needs from this machine. */
const EXIT_ENVIRONMENT = 71
const HOLD_MS = 60_000
/**
 * Small buffers are cut from slabs of this size. Node's own 64 KiB are more than malloc keeps (`cli/lean-process.ts` has it
 * give 32 KiB and more back): each slab came from the kernel and went back to it, a third of the time of a POST of 4 KB.
 */
const SLAB_BYTES = 24 * 1024

/**
 * Runs a sidecar until a signal ends it: the first SIGTERM or SIGINT drains, a second one ends it at once.
 * Answers the exit code. A `logLevel` that does not exist means `info`.
 */
export async function runSidecar(boot: Bootstrap, version: string, logLevel: string): Promise<number> {
  Buffer.poolSize = SLAB_BYTES
  const log = Logger.to(
    (line) => process.stdout.write(`${line}\n`),
    systemClock,
    isLogLevel(logLevel) ? logLevel : 'info',
  ).child({ workload: boot.workload })
  const started = await startSidecar(boot, {
    clock: systemClock,
    random: systemRandom,
    log,
    accessLog: process.stdout,
    version,
  })
  if (!started.ok) {
    process.stderr.write(`outrigger sidecar: ${started.error}\n`)
    return EXIT_ENVIRONMENT
  }
  let isEnding = false
  const end = (): void => {
    if (isEnding) process.exit(1)
    isEnding = true
    void started.value.drain(boot.drainDelayMs, boot.drainTimeoutMs)
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  // Timers and sockets do not hold the process, and a promise does not either.
  const hold = setInterval(() => undefined, HOLD_MS)
  await started.value.closed
  clearInterval(hold)
  return 0
}
