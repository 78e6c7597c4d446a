import { randomUUID } from 'node:crypto'
import { err, ok, type Result } from '../../certs/result.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import { type Manifest, type ManifestRef, manifestKey, refOf } from '../policy/manifest.ts'
import type { Registry, RegistryError } from '../registry/registry.ts'
import { REGISTRY_LIMITS } from '../registry/registry-limits.ts'
import {
  type ManifestRecords,
  REVISION_KEY,
  type Revision,
  readRecords,
  stagedKey,
  toStored,
} from './manifest-record.ts'

/** What is to become of the manifests. */
export interface ManifestChange {
  readonly put: readonly Manifest[]
  readonly delete: readonly ManifestRef[]
}

/** What became of one manifest. */
export interface Outcome extends ManifestRef {
  readonly change: 'created' | 'configured' | 'unchanged' | 'deleted' | 'not-found'
}

export type ApplyError<E> =
  | { readonly kind: 'refused'; readonly reason: E }
  | { readonly kind: 'registry'; readonly error: RegistryError }
  | { readonly kind: 'busy' }

interface Write {
  readonly key: string
  readonly value: Buffer | undefined
}

/** Two people who apply at once: the later one looks again, this often. */
const MAX_TRIES = 10
/** Room in a transaction for the revision key and for what a request has around its values. */
const BATCH_COUNT = REGISTRY_LIMITS.transactionCount - 2
const BATCH_BYTES = REGISTRY_LIMITS.transactionBytes - 4 * 1024

/** The largest manifest that can be stored, in octets of JSON. */
export const MAX_STORED_BYTES = BATCH_BYTES - 1024

/** Reads and changes the manifests in the registry. A change counts as a whole or not at all, whatever its size. */
export class ManifestStore {
  readonly #registry: Registry
  readonly #prefix: string
  readonly #clock: Clock

  constructor(registry: Registry, prefix: string, clock: Clock) {
    this.#registry = registry
    this.#prefix = prefix
    this.#clock = clock
  }

  /** All manifests that count, by `manifestKey`. */
  async list(): Promise<Result<ManifestRecords, RegistryError>> {
    const entries = await this.#registry.list(this.#prefix)
    return entries.ok ? ok(readRecords(entries.value, this.#prefix)) : entries
  }

  /**
   * Carries out what `decide` wants, given the manifests as they are. `decide` is asked again when somebody else was
   * faster, so that what it checked is what it changes.
   */
  async apply<E>(
    decide: (current: ReadonlyMap<string, Manifest>) => Result<ManifestChange, E>,
  ): Promise<Result<readonly Outcome[], ApplyError<E>>> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
      const records = await this.list()
      if (!records.ok) return err({ kind: 'registry', error: records.error })
      if (records.value.revision.staged !== undefined) {
        const copied = await this.#copy(records.value)
        if (!copied.ok && copied.error.kind !== 'conflict') return err({ kind: 'registry', error: copied.error })
        continue
      }
      const wanted = decide(records.value.manifests)
      if (!wanted.ok) return err({ kind: 'refused', reason: wanted.error })
      const { writes, outcomes } = this.#plan(wanted.value, records.value.manifests)
      if (writes.length === 0) return ok(outcomes)
      const written = await this.#write(records.value, writes)
      if (written.ok) return ok(outcomes)
      if (written.error.kind !== 'conflict') return err({ kind: 'registry', error: written.error })
    }
    return err({ kind: 'busy' })
  }

  #plan(
    change: ManifestChange,
    current: ReadonlyMap<string, Manifest>,
  ): { readonly writes: readonly (Write & { readonly ref: ManifestRef })[]; readonly outcomes: readonly Outcome[] } {
    const writes: (Write & { ref: ManifestRef })[] = []
    const outcomes: Outcome[] = []
    for (const manifest of change.put) {
      const ref = refOf(manifest)
      const held = current.get(manifestKey(ref))
      const next = this.#stamped(manifest, held)
      outcomes.push({ ...ref, change: held === undefined ? 'created' : next === held ? 'unchanged' : 'configured' })
      if (next !== held) writes.push({ ref, key: manifestKey(ref), value: toStored(next) })
    }
    for (const ref of change.delete) {
      const isThere = current.has(manifestKey(ref))
      outcomes.push({ ...ref, change: isThere ? 'deleted' : 'not-found' })
      if (isThere) writes.push({ ref, key: manifestKey(ref), value: undefined })
    }
    return { writes, outcomes }
  }

  /** Creation time and generation are ours to say; the held manifest itself when nothing else differs. */
  #stamped(manifest: Manifest, held: Manifest | undefined): Manifest {
    const creationTimestamp = held?.metadata.creationTimestamp ?? new Date(this.#clock.wallMs()).toISOString()
    const generation = held?.metadata.generation ?? 1
    const same = { ...manifest, metadata: { ...manifest.metadata, creationTimestamp, generation } } as Manifest
    if (held === undefined) return same
    if (sortedJson(same) === sortedJson(held)) return held
    const isNewSpec = sortedJson(same.spec) !== sortedJson(held.spec)
    return isNewSpec ? ({ ...same, metadata: { ...same.metadata, generation: generation + 1 } } as Manifest) : same
  }

  async #write(
    records: ManifestRecords,
    writes: readonly (Write & { readonly ref: ManifestRef })[],
  ): Promise<Result<void, RegistryError>> {
    const next: Revision = { revision: records.revision.revision + 1 }
    const batches = toBatches(writes)
    if (batches.length === 1) return this.#transact(writes, next, records.revisionVersion)
    const id = randomUUID()
    const staged = writes.map(({ ref, value }) => ({ key: stagedKey(id, ref), value: value ?? toStored(null) }))
    for (const batch of toBatches(staged)) {
      const written = await this.#registry.putAll(batch.map((write) => this.#absolute(write)))
      if (!written.ok) return written
    }
    const committed = await this.#transact([], { ...next, staged: id }, records.revisionVersion)
    if (!committed.ok) {
      if (committed.error.kind === 'conflict') await this.#discard(staged.map(({ key }) => key))
      return committed
    }
    // From here on the change counts; if copying fails now, whoever applies next goes on with it.
    const now = await this.list()
    if (now.ok) await this.#copy(now.value)
    return ok(undefined)
  }

  /** Brings a large change that counts already to its place, a transaction at a time, each only if nobody else does the same. */
  async #copy(records: ManifestRecords): Promise<Result<void, RegistryError>> {
    const { staged, revision } = records.revision
    let version = records.revisionVersion
    const writes = [...records.uncopied].map(([key, value]) => ({
      key,
      value: value === undefined ? undefined : toStored(value),
    }))
    for (const batch of toBatches(writes)) {
      const written = await this.#transact(batch, records.revision, version)
      if (!written.ok) return written
      const entry = await this.#registry.get(this.#prefix + REVISION_KEY, { consistent: true })
      if (!entry.ok) return entry
      version = entry.value?.version ?? 0
    }
    const finished = staged === undefined ? ok(undefined) : await this.#transact([], { revision }, version)
    if (finished.ok) await this.#discard(records.stagedKeys)
    return finished
  }

  #transact(
    writes: readonly Write[],
    revision: Revision,
    expectedVersion: number,
  ): Promise<Result<void, RegistryError>> {
    const head = { key: this.#prefix + REVISION_KEY, value: toStored(revision), expectedVersion }
    return this.#registry.putAll([head, ...writes.map((write) => this.#absolute(write))])
  }

  /** What is left of a staged change means nothing without the revision that names it: failing here does no harm. */
  async #discard(keys: readonly string[]): Promise<void> {
    for (const batch of toBatches(keys.map((key) => ({ key, value: undefined }))))
      await this.#registry.putAll(batch.map((write) => this.#absolute(write)))
  }

  #absolute({ key, value }: Write): Write {
    return { key: this.#prefix + key, value }
  }
}

/** Cuts writes into what fits one transaction each. */
function toBatches<W extends Write>(writes: readonly W[]): readonly (readonly W[])[] {
  const batches: W[][] = []
  let bytes = 0
  for (const write of writes) {
    const last = batches.at(-1)
    const size = write.key.length + (write.value?.length ?? 0) + 128
    if (last === undefined || last.length === BATCH_COUNT || bytes + size > BATCH_BYTES) {
      batches.push([write])
      bytes = size
    } else {
      last.push(write)
      bytes += size
    }
  }
  return batches
}

/** JSON in which the order of keys does not matter. */
const sortedJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
