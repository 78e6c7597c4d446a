import type { Origin } from '../../sidecar/config/resources.ts'
import type { Manifest } from '../policy/manifest.ts'

/** The manifest that a compiled rule came from. */
export const originOf = ({ kind, metadata }: Manifest): Origin => ({
  kind,
  namespace: metadata.namespace,
  name: metadata.name,
})

/** What no manifest says: the mesh's own rule for a service or workload `namespace/name`. */
export function implicitOrigin(qualifiedName: string): Origin {
  const slash = qualifiedName.indexOf('/')
  return { kind: 'implicit', namespace: qualifiedName.slice(0, slash), name: qualifiedName.slice(slash + 1) }
}
