/**
 * Manifests that a compiled resource came from, as `Kind/namespace/name`, sorted: every `origin` anywhere in it.
 * What no manifest says (`implicit`) is left out. Cost: one walk over the resource, once.
 */
export function manifestsOf(resource: unknown): readonly string[] {
  const known = isObject(resource) ? manifestsOfResource.get(resource) : undefined
  if (known !== undefined) return known
  const found = new Set<string>()
  const pending: unknown[] = [resource]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (Array.isArray(value)) pending.push(...value.filter(isObject))
    else if (isObject(value))
      for (const [key, child] of Object.entries(value)) {
        if (key === 'origin' && isOrigin(child) && child.kind !== 'implicit')
          found.add(`${child.kind}/${child.namespace}/${child.name}`)
        else if (isObject(child)) pending.push(child)
      }
  }
  const manifests = [...found].sort()
  if (isObject(resource)) manifestsOfResource.set(resource, manifests)
  return manifests
}

/** However many sidecars refuse a resource, its manifests are listed once. */
const manifestsOfResource = new WeakMap<object, readonly string[]>()

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isOrigin = (value: unknown): value is { kind: string; namespace: string; name: string } =>
  isObject(value) && 'kind' in value && 'namespace' in value && 'name' in value
