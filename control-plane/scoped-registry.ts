import { ok, type Result } from '../certs/result.ts'
import type { Entry, Lock, PutOptions, Registry, RegistryError, Watch, WatchListener } from './registry/registry.ts'

/**
 * A registry as one mesh sees it: all its keys and locks lie below `prefix`, so that several meshes share one store.
 * Services and instances are everybody's. Disposing it disposes the registry.
 */
export function scopedRegistry(registry: Registry, prefix: string): Registry {
  const inside = (entry: Entry): Entry => ({ ...entry, key: entry.key.slice(prefix.length) })
  return {
    description: registry.description,
    async get(key, options): Promise<Result<Entry | undefined, RegistryError>> {
      const found = await registry.get(prefix + key, options)
      return found.ok && found.value !== undefined ? ok(inside(found.value)) : found
    },
    put: (key: string, value: Buffer, options?: PutOptions) => registry.put(prefix + key, value, options),
    putAll: (writes, lock?: Lock) =>
      registry.putAll(
        writes.map((write) => ({ ...write, key: prefix + write.key })),
        lock,
      ),
    delete: (key: string, options?: PutOptions) => registry.delete(prefix + key, options),
    async list(below: string): Promise<Result<readonly Entry[], RegistryError>> {
      const found = await registry.list(prefix + below)
      return found.ok ? ok(found.value.map(inside)) : found
    },
    watchPrefix: (below: string, listener: WatchListener<readonly Entry[]>): Watch =>
      registry.watchPrefix(prefix + below, {
        onState: (entries) => listener.onState(entries.map(inside)),
        onAvailability: (available, detail) => listener.onAvailability(available, detail),
      }),
    watchServices: (listener) => registry.watchServices(listener),
    watchInstances: (service, listener) => registry.watchInstances(service, listener),
    register: (instance, ttlMs) => registry.register(instance, ttlMs),
    heartbeat: (instanceId) => registry.heartbeat(instanceId),
    deregister: (instanceId) => registry.deregister(instanceId),
    acquireLock: (key, signal) => registry.acquireLock(prefix + key, signal),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}
