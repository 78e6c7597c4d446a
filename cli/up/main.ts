import { resolve } from 'node:path'
import { systemClock } from '../../sidecar/core/clock.ts'
import { systemRandom } from '../../sidecar/core/random.ts'
import { CliError, ExitCode } from '../exit-code.ts'
import { describeMesh } from './describe-mesh.ts'
import { readMeshFile } from './mesh-file.ts'
import type { ControlPlaneSettings, Runtime } from './programs.ts'
import { type RunningMesh, startMesh } from './running-mesh.ts'

/** What `outrigger up` is told. */
export interface UpOptions extends ControlPlaneSettings {
  readonly file: string
  readonly apiPort: number
  /** Print what the programs print. */
  readonly logs: boolean
}

/** This process's runtime, for its children. */
export const systemRuntime: Runtime = { node: process.execPath, environment: process.env }

/** Runs a mesh until SIGINT or SIGTERM ends it in order; a second signal ends it at once. Throws a `CliError` when it does not start. */
export async function runUp(options: UpOptions): Promise<void> {
  const file = readMeshFile(options.file)
  if (!file.ok) throw new CliError(ExitCode.input, file.error)
  const signals = new StopSignals()
  const directory = resolve('.outrigger', file.value.name)
  console.log(`Starting mesh "${file.value.name}" (state and logs: ${directory}) …`)
  let isUp = false
  const started = await startMesh(
    file.value,
    { ...options, directory, signal: signals.signal },
    {
      clock: systemClock,
      random: systemRandom,
      runtime: systemRuntime,
      onLine: (program, line) => {
        if (options.logs) console.log(`${program.name} | ${line}`)
      },
      onRestart: (program, exit, delayMs) => {
        const next = `it is started again in ${(delayMs / 1_000).toFixed(1)} s`
        if (isUp) console.log(`${program.name} ended (${exit}); ${next}`)
      },
    },
  )
  if (!started.ok) {
    if (signals.signal.aborted) return
    throw new CliError(ExitCode.failed, started.error)
  }
  isUp = true
  await runUntilStopped(started.value, signals)
}

async function runUntilStopped(mesh: RunningMesh, signals: StopSignals): Promise<void> {
  console.log(describeMesh(mesh))
  await signals.stopped
  console.log('Stopping …')
  await mesh.stop()
}

/** Ctrl-c and its kin: the first one asks, the second one ends this process, and with it its children. */
export class StopSignals {
  readonly #controller = new AbortController()
  readonly stopped: Promise<void>

  constructor() {
    this.stopped = new Promise((done) => this.signal.addEventListener('abort', () => done(), { once: true }))
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => this.#onSignal())
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  #onSignal(): void {
    if (this.signal.aborted) process.exit(130)
    this.#controller.abort()
  }
}
