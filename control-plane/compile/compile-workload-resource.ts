import type { WorkloadResource } from '../../sidecar/config/resources.ts'
import type { Workload, World } from '../world/world.ts'
import { identityOf } from './identity-of.ts'
import { rootNamespaceOf } from './root-namespace.ts'
import { selects } from './selects.ts'

/** What holds without any PeerAuthentication: nothing is served without mutual TLS. */
const DEFAULT_MODE = 'STRICT'

/** What a workload is, as the mesh knows it. */
export function compileWorkloadResource(world: World, workload: Workload): WorkloadResource {
  return {
    kind: 'Workload',
    name: `${workload.namespace}/${workload.name}`,
    identity: identityOf(world.trust.trustDomain, workload),
    serves: workload.serves
      .map(({ service, port, appPort, protocol }) => ({
        service,
        port,
        appPort,
        // The Service's manifest knows what its port speaks; an instance only says what it believes.
        protocol: world.services.get(service)?.ports.find((one) => one.port === port)?.protocol ?? protocol,
      }))
      .sort((a, b) => (a.service < b.service ? -1 : a.service > b.service ? 1 : a.port - b.port)),
    mtls: modeOf(world, workload),
  }
}

/** The most specific PeerAuthentication: by selector, then of the namespace, then of the mesh; of several the oldest. */
function modeOf(world: World, workload: Workload): WorkloadResource['mtls'] {
  const local = world.peerAuthentications.filter(({ metadata }) => metadata.namespace === workload.namespace)
  const bySelector = local.find(({ spec }) => hasLabels(spec.selector) && selects(spec.selector, workload))
  const ofNamespace = local.find(({ spec }) => !hasLabels(spec.selector))
  const root = rootNamespaceOf(world)
  const ofMesh = world.peerAuthentications.find(
    ({ metadata, spec }) => metadata.namespace === root && !hasLabels(spec.selector),
  )
  return (bySelector ?? ofNamespace ?? ofMesh)?.spec.mtls.mode ?? DEFAULT_MODE
}

const hasLabels = (selector: { readonly matchLabels?: Readonly<Record<string, string>> } | undefined): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length > 0
