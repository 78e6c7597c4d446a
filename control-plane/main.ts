import { systemClock } from '../sidecar/core/clock.ts'
import { isLogLevel, Logger } from '../sidecar/core/logger.ts'
import { systemRandom } from '../sidecar/core/random.ts'
import { startControlPlane } from './control-plane.ts'
import type { ControlPlaneOptions, StartProblem } from './control-plane-options.ts'

/** After sysexits(3). */
const EXIT_CODES: Readonly<Record<StartProblem['kind'], number>> = {
  usage: 64,
  input: 66,
  unavailable: 69,
  environment: 71,
}

/**
 * Runs a control plane until SIGTERM or SIGINT ends it in order; a second signal ends it at once. Answers the exit code.
 * What could not be had is said in one paragraph on standard error.
 */
export async function runControlPlane(
  options: ControlPlaneOptions,
  version: string,
  logLevel: string,
): Promise<number> {
  const level = isLogLevel(logLevel) ? logLevel : 'info'
  const log = Logger.to((line) => process.stdout.write(`${line}\n`), systemClock, level)
  const started = await startControlPlane(options, { clock: systemClock, random: systemRandom, log, version })
  if (!started.ok) {
    process.stderr.write(`outrigger control-plane: ${started.error.sentence}\n`)
    return EXIT_CODES[started.error.kind]
  }
  await new Promise<void>((resolve) => {
    let isEnding = false
    const end = (): void => {
      if (isEnding) process.exit(1)
      isEnding = true
      void started.value.close().then(resolve)
    }
    process.on('SIGTERM', end)
    process.on('SIGINT', end)
  })
  return 0
}
