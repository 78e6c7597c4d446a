import assert from 'node:assert/strict'
import type { DatabaseSync } from 'node:sqlite'

import { err, ok, type Result } from '../../../certs/result.ts'
import { type Clock, sleep, type Timer } from '../../../sidecar/core/clock.ts'
import type { Random } from '../../../sidecar/core/random.ts'
import type { Entry, Instance, Lock, PutOptions, Registry, RegistryError, Watch, WatchListener } from '../registry.ts'
import { REGISTRY_LIMITS } from '../registry-limits.ts'
import { sameEntries, sameInstances, sameNames } from '../same-content.ts'
import { checkValue, checkWrites, type Write } from '../write-check.ts'
import { dataVersion, explain, inTransaction, openDatabase } from './database.ts'
import { EmbeddedLock } from './embedded-lock.ts'
import { EntryStore, VersionConflict } from './entry-store.ts'
import { InstanceStore } from './instance-store.ts'
import { LocalWatches } from './local-watches.ts'
import { LockTable } from './lock-table.ts'

/** How often the registry looks for instances that fell silent, and for what other processes wrote. */
const TICK_MS = 500
/** A tick that comes this much late means that the process itself stood still. */
const ASLEEP_MS = 1_000
const LOCK_TTL_MS = 10_000
/** Upper bound of the wait before a lock held by another process is tried again. */
const LOCK_POLL_MS = 500

/** What an embedded registry needs from the outside. */
export interface EmbeddedOptions {
  readonly clock: Clock
  readonly random: Random
}

/**
 * The registry in one SQLite file (or in memory): for one machine. Several processes may share the file.
 * Errors of `open` are one paragraph: which file, what is wrong, what to do.
 */
export class EmbeddedRegistry implements Registry {
  readonly description: string
  readonly watchedServiceCount = REGISTRY_LIMITS.watchedServiceCount.embedded
  readonly #database: DatabaseSync
  readonly #clock: Clock
  readonly #random: Random
  readonly #entries: EntryStore
  readonly #instances: InstanceStore
  readonly #lockTable: LockTable
  readonly #entryWatches: LocalWatches
  readonly #instanceWatches: LocalWatches
  readonly #locks = new Set<EmbeddedLock>()
  readonly #closing = new AbortController()
  #lockFreed = new AbortController()
  #dataVersion: number
  #tickedAtMs: number
  #tick: Timer | undefined

  static open(path: string, options: EmbeddedOptions): Result<EmbeddedRegistry, string> {
    const database = openDatabase(path)
    return database.ok ? ok(new EmbeddedRegistry(path, database.value, options)) : database
  }

  private constructor(path: string, database: DatabaseSync, { clock, random }: EmbeddedOptions) {
    this.description = `embedded:${path}`
    this.#database = database
    this.#clock = clock
    this.#random = random
    this.#entries = new EntryStore(database)
    this.#instances = new InstanceStore(database)
    this.#lockTable = new LockTable(database)
    this.#entryWatches = new LocalWatches((work) => this.#run(work))
    this.#instanceWatches = new LocalWatches((work) => this.#run(work))
    this.#dataVersion = dataVersion(database)
    this.#tickedAtMs = clock.nowMs()
    this.#onTick()
  }

  async get(key: string): Promise<Result<Entry | undefined, RegistryError>> {
    return this.#run(() => this.#entries.find(key))
  }

  async list(prefix: string): Promise<Result<readonly Entry[], RegistryError>> {
    return this.#run(() => this.#entries.list(prefix))
  }

  async put(key: string, value: Buffer, options: PutOptions = {}): Promise<Result<number, RegistryError>> {
    const write = withExpected({ key, value }, options.expectedVersion)
    const checked = options.lock === undefined ? checkValue(value) : checkWrites([write], options.lock)
    if (!checked.ok) return checked
    const versions = this.#write([write], options.lock)
    return versions.ok ? ok(versions.value[0] ?? 0) : versions
  }

  async putAll(writes: readonly Write[], lock?: Lock): Promise<Result<void, RegistryError>> {
    const checked = checkWrites(writes, lock)
    if (!checked.ok) return checked
    const versions = this.#write(writes, lock)
    return versions.ok ? ok(undefined) : versions
  }

  async delete(key: string, options: PutOptions = {}): Promise<Result<void, RegistryError>> {
    return this.putAll([withExpected({ key, value: undefined }, options.expectedVersion)], options.lock)
  }

  watchPrefix(prefix: string, listener: WatchListener<readonly Entry[]>): Watch {
    return this.#entryWatches.add(() => this.#entries.list(prefix), sameEntries, listener)
  }

  watchServices(listener: WatchListener<readonly string[]>): Watch {
    return this.#instanceWatches.add(() => this.#instances.services(this.#clock.nowMs()), sameNames, listener)
  }

  watchInstances(service: string, listener: WatchListener<readonly Instance[]>): Watch {
    return this.#instanceWatches.add(
      () => this.#instances.living(service, this.#clock.nowMs()),
      sameInstances,
      listener,
    )
  }

  async register(instance: Instance, ttlMs: number): Promise<Result<void, RegistryError>> {
    return this.#change(this.#instanceWatches, () => this.#instances.put(instance, ttlMs, this.#clock.nowMs()))
  }

  async heartbeat(instanceId: string): Promise<Result<boolean, RegistryError>> {
    const beat = this.#run(() => this.#instances.beat(instanceId, this.#clock.nowMs()))
    if (!beat.ok) return beat
    if (beat.value === 'revived') this.#instanceWatches.refresh()
    return ok(beat.value !== 'unknown')
  }

  async deregister(instanceId: string): Promise<Result<void, RegistryError>> {
    return this.#change(this.#instanceWatches, () => this.#instances.delete(instanceId))
  }

  async acquireLock(key: string, signal: AbortSignal): Promise<Lock | undefined> {
    const given = AbortSignal.any([signal, this.#closing.signal])
    while (!given.aborted) {
      const lock = this.#takeLock(key)
      if (lock !== undefined) return lock
      await sleep(
        this.#clock,
        LOCK_POLL_MS * (0.5 + this.#random() / 2),
        AbortSignal.any([given, this.#lockFreed.signal]),
      )
    }
    return undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#tick?.cancel()
    this.#entryWatches.stop()
    this.#instanceWatches.stop()
    for (const lock of this.#locks) await lock.release()
    this.#run(() => inTransaction(this.#database, () => this.#instances.flush(this.#clock.nowMs())))
    this.#database.close()
  }

  #takeLock(key: string): EmbeddedLock | undefined {
    const taken = this.#run(() =>
      inTransaction(this.#database, () => this.#lockTable.take(key, this.#clock.wallMs(), LOCK_TTL_MS)),
    )
    if (!taken.ok || taken.value === undefined) return undefined
    const lock = new EmbeddedLock(key, taken.value, { keeper: this.#keeper, clock: this.#clock, ttlMs: LOCK_TTL_MS })
    this.#locks.add(lock)
    lock.lost.addEventListener('abort', () => this.#locks.delete(lock), { once: true })
    return lock
  }

  readonly #keeper = {
    renew: (key: string, token: number): boolean | undefined => {
      const renewed = this.#run(() => this.#lockTable.renew(key, token, this.#clock.wallMs() + LOCK_TTL_MS))
      return renewed.ok ? renewed.value : undefined
    },
    release: (key: string, token: number): void => {
      this.#run(() => this.#lockTable.release(key, token))
      this.#lockFreed.abort()
      this.#lockFreed = new AbortController()
    },
  }

  /** All writes or none; their new versions. */
  #write(writes: readonly Write[], lock: Lock | undefined): Result<readonly number[], RegistryError> {
    assert(lock === undefined || lock instanceof EmbeddedLock, 'The lock is of another registry')
    const done = this.#change(this.#entryWatches, () => {
      if (lock !== undefined && (lock.lost.aborted || !this.#lockTable.isHeld(lock.key, lock.fencingToken)))
        return 'fenced'
      return writes.map((write) => this.#entries.write(write))
    })
    if (!done.ok) return done
    if (done.value !== 'fenced') return ok(done.value)
    lock?.lose()
    return err({ kind: 'fenced', detail: `The lock "${lock?.key}" is not held any more` })
  }

  /** Changes the file in one transaction, then lets the watches that it concerns look. */
  #change<T>(watches: LocalWatches, work: () => T): Result<T, RegistryError> {
    const done = this.#run(() => inTransaction(this.#database, work))
    if (done.ok) watches.refresh()
    return done
  }

  #run<T>(work: () => T): Result<T, RegistryError> {
    if (!this.#database.isOpen)
      return err({ kind: 'unavailable', detail: `The registry ${this.description} is closed` })
    try {
      return ok(work())
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      if (error instanceof VersionConflict) {
        return err({ kind: 'conflict', detail: error.message, currentVersion: error.currentVersion })
      }
      return err({
        kind: 'unavailable',
        detail: `The registry file of ${this.description} does not answer: ${explain(error)}`,
      })
    }
  }

  #onTick(): void {
    const nowMs = this.#clock.nowMs()
    const lateMs = nowMs - this.#tickedAtMs - TICK_MS
    this.#tickedAtMs = nowMs
    if (lateMs >= ASLEEP_MS) this.#instances.forgive(lateMs)
    // A file that can't be reached now is the watches' news; the next tick tries again.
    this.#run(() => {
      if (this.#instances.needsFlush(nowMs)) inTransaction(this.#database, () => this.#instances.flush(nowMs))
    })
    const version = this.#run(() => dataVersion(this.#database))
    if (!version.ok || version.value !== this.#dataVersion) this.#entryWatches.refresh()
    this.#dataVersion = version.ok ? version.value : -1
    this.#instanceWatches.refresh()
    this.#tick = this.#clock.after(TICK_MS, () => this.#onTick(), { background: true })
  }
}

const withExpected = (write: Write, expectedVersion: number | undefined): Write =>
  expectedVersion === undefined ? write : { ...write, expectedVersion }
