import { writeFileSync } from 'node:fs'
import { err, ok, type Result } from '../../certs/result.ts'
import type { ServiceManifest } from '../../control-plane/policy/manifest.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import type { Random } from '../../sidecar/core/random.ts'
import { ApiClient } from '../api-client.ts'
import { CliError } from '../exit-code.ts'
import { readManifestFiles } from '../manifest-files.ts'
import { findAccountProblem } from './account-problem.ts'
import { isFreePort, PortBlocks } from './free-port.ts'
import { accepts, fetchLocal } from './local-http.ts'
import type { MeshFile } from './mesh-file.ts'
import { type Plan, type PlannedReplica, planMesh } from './plan.ts'
import { ProgramSet } from './program-set.ts'
import {
  appProgram,
  type ControlPlaneSettings,
  controlPlaneProgram,
  joinTokenFile,
  type Runtime,
  sidecarProgram,
} from './programs.ts'
import { takeStateDirectory } from './state-directory.ts'
import type { SupervisorEvents } from './supervisor.ts'
import { waitForReplicas } from './wait-for-replicas.ts'
import { waitUntil } from './wait-until.ts'

/** How a mesh is started. */
export interface MeshOptions extends ControlPlaneSettings {
  /** Holds the state: registry, keys, logs. Made with mode 0700. */
  readonly directory: string
  /** Wanted port of the API; another one is taken when it is in use, or 0. */
  readonly apiPort?: number
  /** Aborting it ends a start that is under way. */
  readonly signal?: AbortSignal
}

/** The outside, as arguments. */
export interface MeshSeams extends SupervisorEvents {
  readonly clock: Clock
  readonly random: Random
  readonly runtime: Runtime
}

const CONTROL_PLANE = 'control-plane'
/** The control plane logs it when both of its ports are bound. */
const READY_LINE = '"message":"control plane ready"'
const CONTROL_PLANE_START_MS = 30_000
/** The longest that the API gives. */
const TOKEN_TTL_MS = 30 * 86_400_000
const RESTART_GRACE_MS = 5_000

/** A mesh on this machine: a control plane, and for each replica its program and its sidecar, all of them processes. */
export class RunningMesh implements AsyncDisposable {
  readonly plan: Plan
  readonly #programs: ProgramSet
  readonly #held: readonly Disposable[]
  readonly #clock: Clock
  #stopped: Promise<void> | undefined

  constructor(plan: Plan, programs: ProgramSet, held: readonly Disposable[], clock: Clock) {
    this.plan = plan
    this.#programs = programs
    this.#held = held
    this.#clock = clock
  }

  get apiUrl(): string {
    return `http://127.0.0.1:${this.plan.apiPort}`
  }

  /** Where a caller beside a workload reaches a service: the listener of the workload's (first) replica. */
  upstreamUrl(workload: string, service: string): string {
    const port = this.replica(workload).upstreamPorts.get(service)
    if (port === undefined) throw new Error(`workload "${workload}" has no upstream "${service}"`)
    return `http://127.0.0.1:${port}`
  }

  /** Admin port of a replica's sidecar. */
  adminUrl(replica: string): string {
    return `http://127.0.0.1:${this.replica(replica).adminPort}`
  }

  /** `/metrics`, `/ready` and `/live` of a replica's sidecar. */
  probeUrl(replica: string): string {
    return `http://127.0.0.1:${this.replica(replica).probePort}`
  }

  /** Process ids that run now: by replica for programs, with `.sidecar` behind for sidecars, `control-plane`. */
  get pids(): ReadonlyMap<string, number> {
    return this.#programs.pids
  }

  /** A replica by its name, or the first replica of a workload. Throws for a name that is not in the file. */
  replica(name: string): PlannedReplica {
    const { replicas } = this.plan
    const found = replicas.find((planned) => planned.name === name || planned.workload.name === name)
    if (found === undefined)
      throw new Error(`no replica "${name}"; there are ${replicas.map((one) => one.name).join(', ')}`)
    return found
  }

  /** Ends a replica's program and sidecar as a crash of its machine would (SIGKILL). They come back after `awayMs` at the earliest. */
  crash(replica: string, awayMs = 0): void {
    const { name } = this.replica(replica)
    this.#programs.find(`${name}.sidecar`)?.crash(awayMs)
    this.#programs.find(name)?.crash(awayMs)
  }

  /** As `crash`, for the control plane. */
  crashControlPlane(awayMs = 0): void {
    this.#programs.find(CONTROL_PLANE)?.crash(awayMs)
  }

  /** Stops a replica's sidecar in order and starts it again; resolves when its process is new, not yet when it is ready. */
  async restartSidecar(replica: string): Promise<void> {
    await this.#programs.find(`${this.replica(replica).name}.sidecar`)?.restart(RESTART_GRACE_MS)
  }

  /** Waits until a replica's sidecar is ready and its program accepts. The error says what is missing. */
  waitReady(replica: string, timeoutMs: number): Promise<Result<void, string>> {
    const { name, probePort, appPort, workload } = this.replica(replica)
    return waitUntil(this.#clock, timeoutMs, async () => {
      const ready = await fetchLocal(`http://127.0.0.1:${probePort}/ready`)
      if (ready?.status !== 200) return `the sidecar of ${name} is not ready: ${ready?.body.trim() ?? 'no answer'}`
      const isUp = (workload.serves ?? []).length === 0 || (await accepts(appPort))
      return isUp ? undefined : `${name} does not accept on port ${appPort}`
    })
  }

  /** Stops everything in order: sidecars drain, then programs, then the control plane. Called again, answers the first call's promise. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    const isSidecar = (name: string): boolean => name.endsWith('.sidecar')
    const isControlPlane = (name: string): boolean => name === CONTROL_PLANE
    await this.#programs.stop([isSidecar, (name) => !isSidecar(name) && !isControlPlane(name), isControlPlane])
    for (const one of this.#held) one[Symbol.dispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/**
 * Starts a mesh, and answers when it carries traffic: every sidecar is ready and sees all endpoints of what it calls,
 * every program accepts. The error is a paragraph with what the part in question said last; nothing is left running then.
 */
export async function startMesh(
  file: MeshFile,
  options: MeshOptions,
  seams: MeshSeams,
): Promise<Result<RunningMesh, string>> {
  const { clock, random } = seams
  const state = takeStateDirectory(options.directory)
  if (!state.ok) return state
  const wanted = options.apiPort
  const apiPort = wanted !== undefined && wanted > 0 && (await isFreePort(wanted)) ? wanted : undefined
  const ports = new PortBlocks(random)
  const plan = await planMesh(file, options.directory, () => ports.take(), apiPort)
  const programs = new ProgramSet(clock, random, seams)
  const started = await bringUp(plan, programs, options, seams)
  const mesh = new RunningMesh(plan, programs, [state.value, ports], clock)
  if (started.ok) return ok(mesh)
  await mesh.stop()
  return started
}

async function bringUp(
  plan: Plan,
  programs: ProgramSet,
  options: MeshOptions,
  { clock, runtime }: MeshSeams,
): Promise<Result<void, string>> {
  const apiUrl = `http://127.0.0.1:${plan.apiPort}`
  const failed = (): string | undefined => (options.signal?.aborted === true ? 'stopped' : programs.failure)
  programs.start(controlPlaneProgram(plan, options, runtime))
  const answered = await waitUntil(clock, CONTROL_PLANE_START_MS, () => {
    if (failed() !== undefined) return undefined
    // Its own word is needed: whoever else has the port meanwhile would answer too, and give a token that is worth nothing.
    return programs.find(CONTROL_PLANE)?.hasSaid(READY_LINE) === true
      ? undefined
      : `The control plane is not ready within ${CONTROL_PLANE_START_MS / 1_000} s.`
  })
  if (!answered.ok) return err(`${answered.error}${programs.lastLines(CONTROL_PLANE)}`)
  const failure = failed()
  if (failure !== undefined) return err(failure)
  const prepared = await prepareMesh(apiUrl, plan)
  if (!prepared.ok) return prepared
  for (const planned of plan.replicas) {
    const program = appProgram(plan, planned, runtime)
    if (program !== undefined) programs.start(program)
    programs.start(sidecarProgram(plan, planned, runtime))
  }
  return waitForReplicas(plan, programs, clock, failed)
}

/** The join token for all workloads, and the file's manifests; then the accounts are judged by what the mesh has now. */
async function prepareMesh(apiUrl: string, plan: Plan): Promise<Result<void, string>> {
  const { file } = plan
  const client = new ApiClient(apiUrl, undefined)
  const serviceAccounts = [...new Set(plan.replicas.map(({ serviceAccount }) => serviceAccount))]
  try {
    const scope = { namespaces: [file.namespace], serviceAccounts, ttlMs: TOKEN_TTL_MS }
    const { token } = await client.call<{ readonly token: string }>('POST', '/v1/tokens', scope)
    writeFileSync(joinTokenFile(plan), `${token}\n`, { mode: 0o600 })
    if (file.manifests.length > 0) {
      const files = readManifestFiles(file.manifests)
      await client.call('PUT', '/v1/manifests', { namespace: file.namespace, files })
    }
    const stored = await client.call<{ readonly items: readonly ServiceManifest[] }>(
      'GET',
      `/v1/manifests?kind=Service&namespace=${file.namespace}`,
    )
    const problem = findAccountProblem(file, stored.items)
    return problem === undefined ? ok(undefined) : err(problem)
  } catch (error) {
    if (error instanceof CliError) return err(`Cannot apply the manifests of mesh "${file.name}": ${error.message}`)
    throw error
  }
}
