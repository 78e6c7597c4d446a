import { createHash } from 'node:crypto'

/** RFC 1123: longest label, and so the longest name that Consul's DNS can answer for. */
const MAX_LABEL = 63

/**
 * The name in the registry of a service `namespace/name`: `<name>-<namespace>`, a DNS label. Two services can have one
 * name there (`a-b` in `c`, `a` in `b-c`): the metadata of each instance says which it belongs to, the name never does.
 */
export function registryNameOf(service: string): string {
  const slash = service.indexOf('/')
  const name = `${service.slice(slash + 1)}-${service.slice(0, slash)}`.replaceAll('.', '-')
  if (name.length <= MAX_LABEL) return name
  const digest = createHash('sha256').update(service).digest('hex').slice(0, 8)
  return `${name.slice(0, MAX_LABEL - digest.length - 1)}-${digest}`
}
