import { dirname, join } from 'node:path'
import { COMMAND_FILE } from '../installation.ts'
import { LEAN_ENVIRONMENT, LEAN_FLAGS } from '../lean-process.ts'
import type { Plan, PlannedReplica } from './plan.ts'
import type { Program } from './supervisor.ts'

/** What the control plane is told that is not in the mesh file. */
export interface ControlPlaneSettings {
  /** Absent: a file in the mesh's folder. */
  readonly registryUrl?: string
  /** Name of the mesh in the registry; absent: the file's. */
  readonly registryMesh?: string
  readonly leafLifetimeMs?: number
  readonly otlpEndpoint?: string
  /** Share of traces that are sampled, 0–1. */
  readonly sampling?: number
  readonly jaegerUrl?: string
}

/** The runtime that programs are started with. */
export interface Runtime {
  /** Path of the pinned `node`. */
  readonly node: string
  /** What children inherit. */
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** A local mesh is stopped by somebody who waits at a terminal. */
const SIDECAR_DRAIN = ['--drain-delay', '300ms', '--drain-timeout', '3s']

/** Folders and files of a mesh's state. */
export const joinTokenFile = (plan: Plan): string => join(plan.directory, 'join-token')
const dataDirectory = (plan: Plan): string => join(plan.directory, 'control-plane')
/** The control plane writes it at its start. */
export const bundleFile = (plan: Plan): string => join(dataDirectory(plan), 'bundle.pem')

/** The control plane as a program. */
export function controlPlaneProgram(plan: Plan, settings: ControlPlaneSettings, runtime: Runtime): Program {
  const { file } = plan
  const args = ['control-plane', '--mesh', settings.registryMesh ?? file.name, '--trust-domain', file.trustDomain]
  args.push('--registry', settings.registryUrl ?? `embedded:${join(dataDirectory(plan), 'registry.db')}`)
  args.push('--data-dir', dataDirectory(plan))
  args.push('--listen', local(plan.pushPort), '--api-listen', local(plan.apiPort))
  if (settings.leafLifetimeMs !== undefined) args.push('--leaf-lifetime', toDurationText(settings.leafLifetimeMs))
  if (settings.otlpEndpoint !== undefined) args.push('--otlp-endpoint', settings.otlpEndpoint)
  if (settings.sampling !== undefined) args.push('--sampling', String(settings.sampling))
  if (settings.jaegerUrl !== undefined) args.push('--jaeger', settings.jaegerUrl)
  return ownProgram(plan, 'control-plane', args, runtime)
}

/** A replica's sidecar as a program. */
export function sidecarProgram(plan: Plan, planned: PlannedReplica, runtime: Runtime): Program {
  const { file } = plan
  const args = ['sidecar', '--workload', `${file.namespace}/${planned.name}`]
  args.push('--service-account', planned.serviceAccount, '--trust-domain', file.trustDomain)
  args.push('--control-plane', local(plan.pushPort))
  args.push('--join-token-file', joinTokenFile(plan), '--bundle', bundleFile(plan))
  args.push('--state-dir', planned.stateDirectory)
  args.push('--admin', local(planned.adminPort), '--probes', local(planned.probePort), ...SIDECAR_DRAIN)
  for (const [service, port] of planned.upstreamPorts) args.push('--upstream', `${service}=${local(port)}`)
  const serves = planned.workload.serves ?? []
  if (serves.length > 0) args.push('--inbound', local(planned.meshPort))
  for (const { service, port } of serves) args.push('--serve', `${service}:${port ?? 80}=${planned.appPort}`)
  for (const [key, value] of Object.entries(planned.workload.labels ?? {})) args.push('--label', `${key}=${value}`)
  return ownProgram(plan, `${planned.name}.sidecar`, args, runtime)
}

/** A replica's own program; undefined where the workload is a sidecar alone. */
export function appProgram(plan: Plan, planned: PlannedReplica, runtime: Runtime): Program | undefined {
  const [command, ...args] = planned.workload.command ?? []
  if (command === undefined) return undefined
  return {
    name: planned.name,
    command: command === 'node' ? runtime.node : command,
    args,
    env: { ...inherited(plan, runtime), ...programEnvironment(planned) },
    directory: plan.file.directory,
    logFile: logFile(plan, planned.name),
  }
}

/** Environment of a replica's program: its own port, and where to call others. */
export function programEnvironment(planned: PlannedReplica): Record<string, string> {
  const environment: Record<string, string> = { ...planned.workload.env, PORT: String(planned.appPort) }
  environment['REPLICA'] = String(planned.replica)
  for (const [service, port] of planned.upstreamPorts) {
    environment[`${service.toUpperCase().replaceAll('-', '_')}_URL`] = `http://${local(port)}`
  }
  return environment
}

function ownProgram(plan: Plan, name: string, args: readonly string[], runtime: Runtime): Program {
  return {
    name,
    command: runtime.node,
    args: [...LEAN_FLAGS, COMMAND_FILE, ...args],
    env: { ...LEAN_ENVIRONMENT, ...inherited(plan, runtime) },
    directory: plan.directory,
    logFile: logFile(plan, name),
  }
}

/**
 * What children get of our environment: all but our own settings, which their flags say better. `node` is the pinned
 * one, and its compile cache makes a dozen processes start in half the time.
 */
function inherited(plan: Plan, { node, environment }: Runtime): Record<string, string> {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('OUTRIGGER_'),
  )
  return {
    ...Object.fromEntries(kept),
    PATH: `${dirname(node)}:${environment['PATH'] ?? ''}`,
    NODE_COMPILE_CACHE: join(plan.directory, 'compile-cache'),
  }
}

/** `24h0m0s0ms`, as flags want durations. */
function toDurationText(ms: number): string {
  const seconds = Math.floor(ms / 1_000)
  return `${Math.floor(seconds / 3_600)}h${Math.floor(seconds / 60) % 60}m${seconds % 60}s${Math.floor(ms % 1_000)}ms`
}

const logFile = (plan: Plan, name: string): string => join(plan.directory, 'logs', `${name}.log`)
const local = (port: number): string => `127.0.0.1:${port}`
