import { err, ok, type Result } from '../../../certs/result.ts'
import type { Clock } from '../../../sidecar/core/clock.ts'
import type { Random } from '../../../sidecar/core/random.ts'
import type { Entry, Instance, Lock, PutOptions, Registry, RegistryError, Watch, WatchListener } from '../registry.ts'
import { REGISTRY_LIMITS } from '../registry-limits.ts'
import type { Write } from '../write-check.ts'
import { ConsulAvailability, PROBE_TIMEOUT_MS } from './consul-availability.ts'
import { ConsulClient, type ConsulFailure } from './consul-client.ts'
import { acquireConsulLock } from './consul-lock.ts'
import { ConsulWatches, toEntries } from './consul-watches.ts'
import { ConsulWrites } from './consul-writes.ts'
import { checkIdOf, toAgentService } from './instance-view.ts'
import { isUnknownCheck, toRegistryError } from './registry-failure.ts'

/** Time limit of one request that does not wait for a change. */
const OPERATION_TIMEOUT_MS = 5_000

/** What a registry on Consul needs from the outside. */
export interface ConsulOptions {
  readonly clock: Clock
  readonly random: Random
  readonly host: string
  readonly port: number
  /** ACL token: sent with each request, and never part of a message. */
  readonly token?: string
}

/** The registry in Consul: keys, catalogue, health, sessions. One of these in a process is enough, whatever the number of sidecars. */
export class ConsulRegistry implements Registry {
  readonly description: string
  readonly watchedServiceCount = REGISTRY_LIMITS.watchedServiceCount.consul
  readonly #client: ConsulClient
  readonly #clock: Clock
  readonly #random: Random
  readonly #availability: ConsulAvailability
  readonly #watches: ConsulWatches
  readonly #writes: ConsulWrites
  readonly #locks = new Set<Lock>()
  readonly #closing = new AbortController()

  /** Connects, and asks once whether a leader is there and whether it knows the token. The error is one paragraph for a person. */
  static async open(options: ConsulOptions): Promise<Result<ConsulRegistry, string>> {
    const { host, port, token } = options
    const client = new ConsulClient({ host, port, secure: false, token, timeoutMs: OPERATION_TIMEOUT_MS })
    const obstacle = await findObstacle(client)
    if (obstacle === undefined) return ok(new ConsulRegistry(options, client))
    client.close()
    return err(`Cannot use Consul at ${describe(options)}: ${obstacle}`)
  }

  private constructor(options: ConsulOptions, client: ConsulClient) {
    const { clock, random } = options
    this.description = describe(options)
    this.#client = client
    this.#clock = clock
    this.#random = random
    this.#availability = new ConsulAvailability(() => client.leader(PROBE_TIMEOUT_MS), clock, random)
    this.#watches = new ConsulWatches({
      where: this.description,
      client,
      clock,
      random,
      availability: this.#availability,
    })
    this.#writes = new ConsulWrites(client, this.description)
  }

  /** Always answered by the leader: what this registry holds is small and read seldom. */
  async get(key: string): Promise<Result<Entry | undefined, RegistryError>> {
    const found = await this.#client.find(key, { kind: 'now' })
    if (!found.ok) return this.#fail(found.error)
    return ok(found.value.value === undefined ? undefined : toEntries([found.value.value])[0])
  }

  async list(prefix: string): Promise<Result<readonly Entry[], RegistryError>> {
    const listed = await this.#client.list(prefix, { kind: 'now' })
    return listed.ok ? ok(toEntries(listed.value.value)) : this.#fail(listed.error)
  }

  put(key: string, value: Buffer, options: PutOptions = {}): Promise<Result<number, RegistryError>> {
    return this.#writes.put(key, value, options)
  }

  async putAll(writes: readonly Write[], lock?: Lock): Promise<Result<void, RegistryError>> {
    const written = await this.#writes.write(writes, lock)
    return written.ok ? ok(undefined) : written
  }

  delete(key: string, { expectedVersion, lock }: PutOptions = {}): Promise<Result<void, RegistryError>> {
    const write = { key, value: undefined, ...(expectedVersion === undefined ? {} : { expectedVersion }) }
    return this.putAll([write], lock)
  }

  watchPrefix(prefix: string, listener: WatchListener<readonly Entry[]>): Watch {
    return this.#watches.prefix(prefix, listener)
  }

  watchServices(listener: WatchListener<readonly string[]>): Watch {
    return this.#watches.services(listener)
  }

  watchInstances(service: string, listener: WatchListener<readonly Instance[]>): Watch {
    return this.#watches.instances(service, listener)
  }

  async register(instance: Instance, ttlMs: number): Promise<Result<void, RegistryError>> {
    const registered = await this.#client.register(toAgentService(instance, ttlMs))
    if (!registered.ok) return this.#fail(registered.error)
    // A check that was critical before stays so when it is registered again.
    const passed = await this.#client.pass(checkIdOf(instance.id))
    return passed.ok ? ok(undefined) : this.#fail(passed.error)
  }

  async heartbeat(instanceId: string): Promise<Result<boolean, RegistryError>> {
    const passed = await this.#client.pass(checkIdOf(instanceId))
    if (passed.ok) return ok(true)
    return isUnknownCheck(passed.error) ? ok(false) : this.#fail(passed.error)
  }

  async deregister(instanceId: string): Promise<Result<void, RegistryError>> {
    const done = await this.#client.deregister(instanceId)
    const isUnknown = !done.ok && done.error.kind === 'refused' && done.error.status === 404
    return done.ok || isUnknown ? ok(undefined) : this.#fail(done.error)
  }

  async acquireLock(key: string, signal: AbortSignal): Promise<Lock | undefined> {
    const seams = { client: this.#client, clock: this.#clock, random: this.#random }
    const lock = await acquireConsulLock(key, AbortSignal.any([signal, this.#closing.signal]), seams)
    if (lock === undefined) return undefined
    this.#locks.add(lock)
    lock.lost.addEventListener('abort', () => this.#locks.delete(lock), { once: true })
    return lock
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    this.#availability.stop()
    this.#watches.stop()
    await Promise.all([...this.#locks].map((lock) => lock.release()))
    this.#client.close()
  }

  #fail(failure: ConsulFailure): { readonly ok: false; readonly error: RegistryError } {
    return err(toRegistryError(failure, this.description))
  }
}

const describe = ({ host, port }: ConsulOptions): string =>
  `consul://${host.includes(':') ? `[${host}]` : host}:${port}`

/** What keeps this Consul from being used, and what to do; undefined when nothing does. */
async function findObstacle(client: ConsulClient): Promise<string | undefined> {
  const leader = await client.leader(OPERATION_TIMEOUT_MS)
  if (!leader.ok) {
    return `it does not answer (${leader.error.detail}). Start a Consul agent there, or name the address of one that runs`
  }
  if (leader.value === '') return 'it has no leader. Wait until its servers have elected one, or look at their logs'
  const read = await client.find('outrigger/', { kind: 'now' })
  if (read.ok || read.error.kind === 'unreachable' || !/ACL not found/i.test(read.error.detail)) return undefined
  return 'it does not know the ACL token that was given. Give a token that exists there'
}
