import type { Manifest, ManifestRef } from '../policy/manifest.ts'
import { manifestKey } from '../policy/manifest.ts'
import type { Entry } from '../registry/registry.ts'

/*
 * How manifests lie in the registry, below one prefix:
 *   revision              {"revision": 7, "staged": "id of a large change that is being copied"}
 *   Kind/namespace/name   one manifest as JSON
 *   staged/ID/Kind/…      one manifest of a large change, or null where it deletes
 * Every change rewrites `revision` by compare-and-set, so two changes never mix. A change that does not fit one
 * transaction is staged first; naming it in `revision` makes all of it visible at once, and only then is it copied.
 */

/** What the revision key says. */
export interface Revision {
  readonly revision: number
  /** The large change that counts already, but is not copied to its place yet. */
  readonly staged?: string
}

export const REVISION_KEY = 'revision'
const STAGED = 'staged/'

/** Below the prefix: where one manifest of a large change waits. */
export const stagedKey = (id: string, ref: ManifestRef): string => `${STAGED}${id}/${manifestKey(ref)}`

/** All that lies below the prefix, understood. */
export interface ManifestRecords {
  readonly revision: Revision
  /** Registry version of the revision key; 0: it does not exist. */
  readonly revisionVersion: number
  /** What counts, by `manifestKey`. */
  readonly manifests: ReadonlyMap<string, Manifest>
  /** The large change that counts already: what to write at each key, undefined to delete. */
  readonly uncopied: ReadonlyMap<string, Manifest | undefined>
  /** Keys (below the prefix) of staged changes, whether they count or were given up. */
  readonly stagedKeys: readonly string[]
  /** Keys whose values can't be read: left out, and named. */
  readonly unreadable: readonly string[]
}

/** Reads the entries of one moment. */
export function readRecords(entries: readonly Entry[], prefix: string): ManifestRecords {
  const values = new Map(entries.map((entry) => [entry.key.slice(prefix.length), entry]))
  const revisionEntry = values.get(REVISION_KEY)
  const revision = toRevision(revisionEntry?.value)
  const manifests = new Map<string, Manifest>()
  const uncopied = new Map<string, Manifest | undefined>()
  const stagedKeys: string[] = []
  const unreadable: string[] = []
  const counting = revision.staged === undefined ? undefined : `${STAGED}${revision.staged}/`
  for (const [key, { value }] of values) {
    if (key === REVISION_KEY) continue
    const manifest = toManifest(value)
    if (manifest === undefined) unreadable.push(key)
    else if (!key.startsWith(STAGED)) {
      if (manifest !== null) manifests.set(key, manifest)
    } else if (counting !== undefined && key.startsWith(counting))
      uncopied.set(key.slice(counting.length), manifest ?? undefined)
    if (key.startsWith(STAGED)) stagedKeys.push(key)
  }
  for (const [key, manifest] of uncopied) {
    if (manifest === undefined) manifests.delete(key)
    else manifests.set(key, manifest)
  }
  return { revision, revisionVersion: revisionEntry?.version ?? 0, manifests, uncopied, stagedKeys, unreadable }
}

/** A value as it is stored; null stands for a deletion in a staged change. */
export const toStored = (value: Manifest | Revision | null): Buffer => Buffer.from(JSON.stringify(value))

function toRevision(value: Buffer | undefined): Revision {
  const read = value === undefined ? undefined : parse(value)
  const { revision, staged } = (read ?? {}) as { revision?: unknown; staged?: unknown }
  const number = Number.isSafeInteger(revision) ? (revision as number) : 0
  return typeof staged === 'string' ? { revision: number, staged } : { revision: number }
}

/** The manifest, null for a deletion, undefined for what can't be read. Its content was checked before it was stored. */
function toManifest(value: Buffer): Manifest | null | undefined {
  const read = parse(value)
  if (read === null) return null
  const { kind, metadata } = (read ?? {}) as { kind?: unknown; metadata?: { name?: unknown } }
  return typeof kind === 'string' && typeof metadata?.name === 'string' ? (read as Manifest) : undefined
}

function parse(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'))
  } catch {
    return undefined
  }
}
