import type { Result } from '../../certs/result.ts'

/*
 * The one interface to what is stored and discovered. `embedded/` and `consul/` implement it, and
 * `test/compliance/registry.suite.ts` holds both to the same behaviour.
 */

/** What a registry can say no with. */
export type RegistryError =
  /** The store can't be reached now; nothing is known about the outcome of a write. */
  | { readonly kind: 'unavailable'; readonly detail: string }
  /** Compare-and-set: the key's version is another. */
  | { readonly kind: 'conflict'; readonly detail: string; readonly currentVersion: number }
  /** The lock that fences the write is not ours any more. */
  | { readonly kind: 'fenced'; readonly detail: string }
  | { readonly kind: 'too-large'; readonly detail: string; readonly limitBytes: number }
  | { readonly kind: 'denied'; readonly detail: string }

/** One stored value. */
export interface Entry {
  readonly key: string
  readonly value: Buffer
  /** Changes with every write that changes the value; never 0. Only compared for equality. */
  readonly version: number
}

/** What a service instance looks like in the registry, whoever registered it. */
export interface Instance {
  /** Unique in the registry. */
  readonly id: string
  /** Name of the service in the registry (a plain name, not `namespace/name`). */
  readonly service: string
  readonly address: string
  readonly port: number
  /** Short strings; keys that begin with `outrigger-` are ours. */
  readonly meta: Readonly<Record<string, string>>
  readonly tags: readonly string[]
}

/** A running watch. */
export interface Watch {
  stop(): void
}

/** What a watch tells its owner. A failing watch keeps trying, with back-off and jitter. */
export interface WatchListener<T> {
  /** The whole current state; called first when it is known, then after each real change (never for the same state twice in a row). */
  onState(state: T): void
  /** The store can't be reached, or can be again. What was told last stays true as far as anyone knows. */
  onAvailability(available: boolean, detail: string): void
}

/** A lock held by this process. */
export interface Lock {
  readonly key: string
  /** Grows with each holder: carried in fenced writes, so that a holder who does not know yet that it has lost the lock can't write. */
  readonly fencingToken: number
  /** Aborts when the lock is lost, or may be (no renewal for its time to live): step down at once. */
  readonly lost: AbortSignal
  release(): Promise<void>
}

export type PutOptions = {
  /** Write only if the key's version is this; 0: only if it does not exist. */
  readonly expectedVersion?: number
  /** Write only while this lock is held. */
  readonly lock?: Lock
}

export interface Registry extends AsyncDisposable {
  /** `embedded:/path` or `consul://host:port`, without secrets: for messages. */
  readonly description: string
  /** Services whose instances may be watched at once; past that, answers come too late to go by. */
  readonly watchedServiceCount: number
  /** Undefined when there is no such key. `consistent`: not from a stale replica (certificate authority, locks). */
  get(key: string, options?: { readonly consistent?: boolean }): Promise<Result<Entry | undefined, RegistryError>>
  /** The new version. At most 512 KiB of value; 360 KiB under a lock (`REGISTRY_LIMITS`). */
  put(key: string, value: Buffer, options?: PutOptions): Promise<Result<number, RegistryError>>
  /** Several writes, all or none; a value of undefined deletes. At most 64, 63 under a lock (Consul's limit on a transaction); 360 KiB in all. */
  putAll(
    writes: readonly { readonly key: string; readonly value: Buffer | undefined; readonly expectedVersion?: number }[],
    lock?: Lock,
  ): Promise<Result<void, RegistryError>>
  /** Deleting what does not exist succeeds, whatever version was expected. */
  delete(key: string, options?: PutOptions): Promise<Result<void, RegistryError>>
  /** All keys that begin with `prefix`, by key. */
  list(prefix: string): Promise<Result<readonly Entry[], RegistryError>>
  watchPrefix(prefix: string, listener: WatchListener<readonly Entry[]>): Watch
  /** Names of all services known to the registry, by name. */
  watchServices(listener: WatchListener<readonly string[]>): Watch
  /** Healthy instances of one service, by id. */
  watchInstances(service: string, listener: WatchListener<readonly Instance[]>): Watch
  /** Registers an instance that is healthy as long as `heartbeat` is called within `ttlMs`. Repeating it replaces. */
  register(instance: Instance, ttlMs: number): Promise<Result<void, RegistryError>>
  /** False: the registry does not know the instance (any more): register again. */
  heartbeat(instanceId: string): Promise<Result<boolean, RegistryError>>
  deregister(instanceId: string): Promise<Result<void, RegistryError>>
  /** Waits until the lock is ours, or `signal` aborts (then undefined). */
  acquireLock(key: string, signal: AbortSignal): Promise<Lock | undefined>
}
