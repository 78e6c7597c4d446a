import { join } from 'node:path'
import type { MeshFile, WorkloadEntry } from './mesh-file.ts'

/** One replica of a workload: its program, its sidecar, and every port that either of them takes. */
export interface PlannedReplica {
  readonly workload: WorkloadEntry
  /** `web`, or `web-2` where there are several. */
  readonly name: string
  readonly replica: number
  readonly serviceAccount: string
  readonly appPort: number
  readonly meshPort: number
  readonly adminPort: number
  readonly probePort: number
  /** Ports on which the sidecar takes calls, by service. */
  readonly upstreamPorts: ReadonlyMap<string, number>
  readonly stateDirectory: string
}

/** Everything that `up` will start. */
export interface Plan {
  readonly file: MeshFile
  readonly directory: string
  readonly replicas: readonly PlannedReplica[]
}

/**
 * Lays out ports and folders. `takePort` answers a free port of loopback with each call.
 * Pure apart from that, so that what `up` starts can be tested without starting it.
 */
export async function planMesh(file: MeshFile, directory: string, takePort: () => Promise<number>): Promise<Plan> {
  const replicas: PlannedReplica[] = []
  for (const workload of file.workloads) {
    const count = workload.replicas ?? 1
    for (let replica = 1; replica <= count; replica++) {
      const name = count === 1 ? workload.name : `${workload.name}-${replica}`
      const upstreamPorts = new Map<string, number>()
      for (const { service, listen } of workload.upstreams ?? []) {
        upstreamPorts.set(service, listen !== undefined && listen > 0 && replica === 1 ? listen : await takePort())
      }
      replicas.push({
        workload,
        name,
        replica,
        serviceAccount: workload.serviceAccount ?? workload.name,
        appPort: await takePort(),
        meshPort: await takePort(),
        adminPort: await takePort(),
        probePort: await takePort(),
        upstreamPorts,
        stateDirectory: join(directory, 'sidecars', name),
      })
    }
  }
  return { file, directory, replicas }
}

/** Environment of a replica's program: its own port, and where to call others. */
export function programEnvironment(planned: PlannedReplica): Record<string, string> {
  const environment: Record<string, string> = {
    PORT: String(planned.appPort),
    REPLICA: String(planned.replica),
    ...planned.workload.env,
  }
  for (const [service, port] of planned.upstreamPorts) {
    environment[`${service.toUpperCase().replaceAll('-', '_')}_URL`] = `http://127.0.0.1:${port}`
  }
  return environment
}

/** What a replica's sidecar needs to know of the control plane. */
export interface ControlPlaneFiles {
  readonly address: string
  readonly tokenFile: string
  readonly bundleFile: string
}

/** Arguments of `outrigger sidecar` for a replica. */
export function sidecarArguments(plan: Plan, planned: PlannedReplica, controlPlane: ControlPlaneFiles): string[] {
  const { file } = plan
  const args = [
    'sidecar',
    '--workload',
    `${file.namespace}/${planned.name}`,
    '--service-account',
    planned.serviceAccount,
  ]
  args.push('--trust-domain', file.trustDomain, '--control-plane', controlPlane.address)
  args.push('--join-token-file', controlPlane.tokenFile, '--bundle', controlPlane.bundleFile)
  args.push('--state-dir', planned.stateDirectory)
  args.push('--admin', `127.0.0.1:${planned.adminPort}`, '--probes', `127.0.0.1:${planned.probePort}`)
  for (const [service, port] of planned.upstreamPorts) args.push('--upstream', `${service}=127.0.0.1:${port}`)
  const serves = planned.workload.serves ?? []
  if (serves.length > 0) args.push('--inbound', `127.0.0.1:${planned.meshPort}`)
  for (const { service, port } of serves) args.push('--serve', `${service}:${port ?? 80}=${planned.appPort}`)
  for (const [key, value] of Object.entries(planned.workload.labels ?? {})) args.push('--label', `${key}=${value}`)
  return args
}
