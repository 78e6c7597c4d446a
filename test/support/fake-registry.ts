import { err, ok, type Result } from '../../certs/result.ts'
import type {
  Entry,
  Instance,
  Lock,
  PutOptions,
  Registry,
  RegistryError,
  Watch,
  WatchListener,
} from '../../control-plane/registry/registry.ts'

const AWAY: RegistryError = { kind: 'unavailable', detail: 'the fake registry is away' }

/** Entries and locks in memory, for tests of what stands on a registry; services are not kept. `isAway` makes it unreachable. */
export class FakeRegistry implements Registry {
  readonly description = 'fake:'
  readonly watchedServiceCount: number = 100
  isAway = false
  /** How often each key was written. */
  readonly writeCounts = new Map<string, number>()
  readonly #entries = new Map<string, Entry>()
  readonly #watches = new Set<{ readonly prefix: string; readonly listener: WatchListener<readonly Entry[]> }>()
  readonly #waiting = new Map<string, (() => void)[]>()
  #version = 0

  async get(key: string): Promise<Result<Entry | undefined, RegistryError>> {
    return this.isAway ? err(AWAY) : ok(this.#entries.get(key))
  }

  async put(key: string, value: Buffer, options: PutOptions = {}): Promise<Result<number, RegistryError>> {
    if (this.isAway) return err(AWAY)
    const problem = this.#conflict(key, options.expectedVersion) ?? fenced(options.lock)
    if (problem !== undefined) return err(problem)
    this.#set(key, value)
    this.#tell()
    return ok(this.#version)
  }

  async putAll(
    writes: readonly { readonly key: string; readonly value: Buffer | undefined; readonly expectedVersion?: number }[],
    lock?: Lock,
  ): Promise<Result<void, RegistryError>> {
    if (this.isAway) return err(AWAY)
    for (const { key, expectedVersion } of writes) {
      const problem = this.#conflict(key, expectedVersion) ?? fenced(lock)
      if (problem !== undefined) return err(problem)
    }
    for (const { key, value } of writes) {
      if (value === undefined) this.#entries.delete(key)
      else this.#set(key, value)
    }
    this.#tell()
    return ok(undefined)
  }

  async delete(key: string, options: PutOptions = {}): Promise<Result<void, RegistryError>> {
    if (this.isAway) return err(AWAY)
    const problem = this.#conflict(key, options.expectedVersion) ?? fenced(options.lock)
    if (problem !== undefined) return err(problem)
    this.#entries.delete(key)
    this.#tell()
    return ok(undefined)
  }

  async list(prefix: string): Promise<Result<readonly Entry[], RegistryError>> {
    return this.isAway ? err(AWAY) : ok(this.#below(prefix))
  }

  watchPrefix(prefix: string, listener: WatchListener<readonly Entry[]>): Watch {
    const watch = { prefix, listener }
    this.#watches.add(watch)
    if (!this.isAway) listener.onState(this.#below(prefix))
    return { stop: () => void this.#watches.delete(watch) }
  }

  watchServices(): Watch {
    return { stop: () => {} }
  }

  watchInstances(): Watch {
    return { stop: () => {} }
  }

  async register(_instance: Instance): Promise<Result<void, RegistryError>> {
    return err({ kind: 'denied', detail: 'the fake registry keeps no instances' })
  }

  async heartbeat(): Promise<Result<boolean, RegistryError>> {
    return ok(false)
  }

  async deregister(): Promise<Result<void, RegistryError>> {
    return ok(undefined)
  }

  async acquireLock(key: string, signal: AbortSignal): Promise<Lock | undefined> {
    if (this.isAway || signal.aborted) return undefined
    const queue = this.#waiting.get(key)
    if (queue === undefined) this.#waiting.set(key, [])
    else await new Promise<void>((resolve) => queue.push(resolve))
    const release = async (): Promise<void> => {
      const next = this.#waiting.get(key)?.shift()
      if (next === undefined) this.#waiting.delete(key)
      else next()
    }
    return { key, fencingToken: ++this.#version, lost: new AbortController().signal, release }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watches.clear()
  }

  #below(prefix: string): readonly Entry[] {
    const entries = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix))
    return entries.sort((left, right) => (left.key < right.key ? -1 : 1))
  }

  #set(key: string, value: Buffer): void {
    this.#entries.set(key, { key, value, version: ++this.#version })
    this.writeCounts.set(key, (this.writeCounts.get(key) ?? 0) + 1)
  }

  #conflict(key: string, expectedVersion: number | undefined): RegistryError | undefined {
    const currentVersion = this.#entries.get(key)?.version ?? 0
    if (expectedVersion === undefined || expectedVersion === currentVersion) return undefined
    return { kind: 'conflict', detail: `${key} has version ${currentVersion}`, currentVersion }
  }

  #tell(): void {
    for (const { prefix, listener } of [...this.#watches]) listener.onState(this.#below(prefix))
  }
}

const fenced = (lock: Lock | undefined): RegistryError | undefined =>
  lock?.lost.aborted === true ? { kind: 'fenced', detail: `the lock ${lock.key} is lost` } : undefined
