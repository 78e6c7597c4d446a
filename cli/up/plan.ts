import { join } from 'node:path'
import { type MeshFile, replicaNames, serviceAccountOf, type WorkloadEntry } from './mesh-file.ts'

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
  /** Holds the mesh's state: registry, keys, logs. */
  readonly directory: string
  readonly apiPort: number
  readonly pushPort: number
  readonly replicas: readonly PlannedReplica[]
}

/**
 * Lays out ports and folders. `takePort` answers a free port of loopback with each call.
 * Pure apart from that, so that what `up` starts can be tested without starting it.
 */
export async function planMesh(
  file: MeshFile,
  directory: string,
  takePort: () => Promise<number>,
  apiPort?: number,
): Promise<Plan> {
  const replicas: PlannedReplica[] = []
  for (const workload of file.workloads) {
    for (const [at, name] of replicaNames(workload).entries()) {
      const replica = at + 1
      const upstreamPorts = new Map<string, number>()
      for (const { service, listen } of workload.upstreams ?? []) {
        // A port that the file fixes can be had once: it is the first replica's.
        const isFixed = listen !== undefined && listen > 0 && replica === 1
        upstreamPorts.set(service, isFixed ? listen : await takePort())
      }
      replicas.push({
        workload,
        name,
        replica,
        serviceAccount: serviceAccountOf(workload),
        appPort: await takePort(),
        meshPort: await takePort(),
        adminPort: await takePort(),
        probePort: await takePort(),
        upstreamPorts,
        stateDirectory: join(directory, 'sidecars', name),
      })
    }
  }
  return { file, directory, apiPort: apiPort ?? (await takePort()), pushPort: await takePort(), replicas }
}

/** How many endpoints a service has when all replicas are up; 0 for services of others. */
export function plannedEndpoints(plan: Plan, service: string): number {
  return plan.replicas.filter(({ workload }) => workload.serves?.some((served) => served.service === service)).length
}
