import { manifestKey, refOf, type ServiceManifest } from '../../control-plane/policy/manifest.ts'
import { whyNotServe } from '../../control-plane/world/may-serve.ts'
import { type MeshFile, serviceAccountOf } from './mesh-file.ts'

/**
 * The first workload of a mesh file whose service account may not serve one of its services, as a paragraph with the
 * remedies: its sidecar would be refused again and again. `services`: the manifests that the control plane has.
 */
export function findAccountProblem(file: MeshFile, services: readonly ServiceManifest[]): string | undefined {
  const { namespace, trustDomain } = file
  const manifests = new Map(services.map((manifest) => [manifestKey(refOf(manifest)), manifest]))
  for (const [at, workload] of file.workloads.entries()) {
    const identity = `spiffe://${trustDomain}/ns/${namespace}/sa/${serviceAccountOf(workload)}`
    for (const { service } of workload.serves ?? []) {
      const because = whyNotServe({ trust: { trustDomain }, manifests }, identity, `${namespace}/${service}`)
      if (because === undefined) continue
      const field = `spec.workloads[${at}]${workload.serviceAccount === undefined ? '' : '.serviceAccount'}`
      return `${field}: workload "${workload.name}" can't serve "${service}": ${because}`
    }
  }
  return undefined
}
