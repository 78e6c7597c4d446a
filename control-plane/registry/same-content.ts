import type { Entry, Instance } from './registry.ts'

/** Whether two lists of entries say the same: keys, versions and values, in the same order. */
export const sameEntries = (a: readonly Entry[], b: readonly Entry[]): boolean =>
  sameList(a, b, (x, y) => x.key === y.key && x.version === y.version && x.value.equals(y.value))

/** Whether two lists of names are equal, order included. */
export const sameNames = (a: readonly string[], b: readonly string[]): boolean => sameList(a, b, (x, y) => x === y)

/** Whether two lists of instances say the same, order included. */
export const sameInstances = (a: readonly Instance[], b: readonly Instance[]): boolean => sameList(a, b, sameInstance)

function sameInstance(a: Instance, b: Instance): boolean {
  return (
    a.id === b.id &&
    a.service === b.service &&
    a.address === b.address &&
    a.port === b.port &&
    sameNames(a.tags, b.tags) &&
    sameMeta(a.meta, b.meta)
  )
}

function sameMeta(a: Instance['meta'], b: Instance['meta']): boolean {
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  if (a.length !== b.length) return false
  return a.every((x, i) => {
    const y = b[i]
    return y !== undefined && same(x, y)
  })
}
