import { isIP } from 'node:net'
import type { Endpoint } from '../../sidecar/config/resources.ts'
import type { Instance } from '../registry/registry.ts'
import { fromMeta, type InstanceMeta, isOurs } from './instance-meta.ts'
import { registryNameOf } from './registry-name.ts'
import { workloadRef } from './workload-ref.ts'
import type { Served, SkippedInstance, Workload } from './world.ts'

/** Instances, sorted out. */
export interface ReadInstances {
  /** By `namespace/name` of the service; by id within. */
  readonly endpoints: ReadonlyMap<string, readonly Endpoint[]>
  /** By the key of their `WorkloadRef`. */
  readonly workloads: ReadonlyMap<string, Workload>
  readonly skipped: readonly SkippedInstance[]
}

/** Namespace of services that others registered, who know no namespaces. */
const FOREIGN_NAMESPACE = 'default'
const DEFAULT_WEIGHT = 1

/**
 * What the registered instances mean. Ours say it in their metadata; those that others registered are endpoints without
 * a sidecar, of the service `default/<name>`. An instance that can't be used is named in `skipped` with the reason.
 * `whyNot`: why an identity may not serve a service, if it may not.
 */
export function readInstances(
  instances: readonly Instance[],
  whyNot: (identity: string, service: string) => string | undefined,
): ReadInstances {
  const endpoints = new Map<string, Endpoint[]>()
  const workloads = new Map<string, Workload>()
  const skipped: SkippedInstance[] = []
  const byId = new Map(instances.map((instance) => [instance.id, instance]))
  const skip = (id: string, because: string) => skipped.push({ id, because })
  for (const instance of [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    if (instance.address === '') {
      skip(instance.id, 'it has no address')
      continue
    }
    if (!Number.isInteger(instance.port) || instance.port < 1 || instance.port > 65535) {
      skip(instance.id, `its port is ${instance.port}`)
      continue
    }
    const read = isOurs(instance.meta) ? readOurs(instance) : readForeign(instance)
    if (typeof read === 'string') {
      skip(instance.id, read)
      continue
    }
    const [service, endpoint, meta] = read
    const because = meta === undefined ? undefined : whyNot(meta.identity, service)
    if (because !== undefined) {
      skip(instance.id, because)
      continue
    }
    const known = endpoints.get(service)
    if (known === undefined) endpoints.set(service, [endpoint])
    else known.push(endpoint)
    if (meta !== undefined) addServed(workloads, meta)
  }
  return { endpoints, workloads, skipped }
}

function readOurs(instance: Instance): string | readonly [string, Endpoint, InstanceMeta] {
  const meta = fromMeta(instance.meta)
  if (!meta.ok) return `its metadata is not what the mesh writes: ${meta.error}`
  const { workload, service, port, appPort, protocol, identity, labels } = meta.value
  const zone = labels['topology.kubernetes.io/zone']
  const endpoint: Endpoint = {
    id: instance.id,
    workload,
    address: instance.address,
    transport: 'mesh',
    port: instance.port,
    servicePort: port,
    appPort,
    protocol,
    identity,
    ...(zone === undefined ? {} : { zone }),
    weight: DEFAULT_WEIGHT,
    labels,
  }
  return [service, endpoint, meta.value]
}

/** What the registry may call a service (`namespace/name`): as we register it; as others do, who know no namespaces. */
export function namesInRegistry(service: string): readonly string[] {
  const [namespace, name = ''] = service.split('/')
  return namespace === FOREIGN_NAMESPACE ? [registryNameOf(service), name] : [registryNameOf(service)]
}

function readForeign(instance: Instance): string | readonly [string, Endpoint, undefined] {
  const name = instance.service.toLowerCase().replaceAll('_', '-')
  if (!/^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/.test(name)) {
    return `its service "${instance.service}" has a name that no host name can be`
  }
  const service = `${FOREIGN_NAMESPACE}/${name}`
  return [
    service,
    {
      id: instance.id,
      // Unmanaged: there is no workload to name but the address itself.
      workload: `${FOREIGN_NAMESPACE}/${isIP(instance.address) === 4 ? instance.address : name}`,
      address: instance.address,
      transport: 'plain',
      port: instance.port,
      appPort: instance.port,
      protocol: 'auto',
      weight: DEFAULT_WEIGHT,
      labels: {},
    },
    undefined,
  ]
}

function addServed(workloads: Map<string, Workload>, meta: InstanceMeta): void {
  const { service, port, appPort, protocol } = meta
  const served: Served = { service, port, appPort, protocol }
  const { key } = workloadRef(meta.identity, meta.workload)
  const known = workloads.get(key)
  const [namespace = '', name = ''] = meta.workload.split('/')
  workloads.set(
    key,
    known === undefined
      ? {
          identity: meta.identity,
          namespace,
          name,
          serviceAccount: accountOf(meta.identity),
          labels: meta.labels,
          serves: [served],
        }
      : { ...known, serves: [...known.serves, served] },
  )
}

/** `…/ns/<namespace>/sa/<service-account>`; empty for another form of identity. */
const accountOf = (identity: string): string => identity.match(/\/ns\/[^/]+\/sa\/([^/]+)$/)?.[1] ?? ''
