import { err, ok, type Result } from '../../certs/result.ts'
import type { Clock, Timer } from '../../sidecar/core/clock.ts'
import type { Instance, Registry, RegistryError } from '../registry/registry.ts'
import type { WorkloadRef } from '../world/workload-ref.ts'
import { PUSH_LIMITS } from './push-limits.ts'

/** How instances live and die, ms. */
export interface RegistrarTimes {
  /** The registry takes an instance out that was silent for this long. */
  readonly ttlMs: number
  readonly heartbeatMs: number
  /** A sidecar that is back within this time never left. */
  readonly graceMs: number
}

export interface RegistrarDeps {
  readonly registry: Registry
  readonly clock: Clock
  readonly times: RegistrarTimes
  /** Keys under which instances are remembered beyond the registry's own time to live: `outrigger/<mesh>/instances/`. */
  readonly prefix: string
  /** Distinguishes replicas: an instance that moved to another one is its to keep. */
  readonly replica: string
  /** A heartbeat or registration could, or could not, be brought to the registry. */
  readonly onAvailability: (available: boolean, detail: string) => void
  /** The instance left for certain. */
  readonly onGone: (id: string) => void
}

/** One instance: what should be registered, and what is. */
interface Keeper {
  readonly id: string
  /** Whose it is; SPIFFE ID. */
  readonly identity: string
  wanted: Instance | undefined
  /** JSON of what was registered; undefined: nothing, or not known. */
  registered: string | undefined
  /** What is remembered names this replica, as far as we know: another one may have had the sidecar while it was away from us. */
  isClaimed: boolean
  isBusy: boolean
  /** A heartbeat that waits for an answer; a slow registry gets no second one. */
  isBeating: boolean
  /** `onGone` was called since the last wish. */
  isGone: boolean
}

interface Attachment {
  readonly identity: string
  instances: readonly Instance[]
  isReady: boolean
  leaving: Timer | undefined
}

const { instancesPerIdentityCount: MAX_INSTANCES } = PUSH_LIMITS

/**
 * Keeps the registry in step with the sidecars that are connected: registers what they serve, sends heartbeats, takes
 * out what drained or left. Each instance has one operation under way at a time, always towards the newest wish, so
 * that a fast disconnect and reconnect can't overtake each other.
 */
export class InstanceRegistrar {
  readonly #deps: RegistrarDeps
  readonly #keepers = new Map<string, Keeper>()
  readonly #attachments = new Map<string, Attachment>()
  /** Keepers of each identity. */
  readonly #owned = new Map<string, number>()
  readonly #running = new Set<Promise<void>>()
  #beat: Timer | undefined
  #isStopped = false

  constructor(deps: RegistrarDeps) {
    this.#deps = deps
    this.#armBeat()
  }

  /** The workload's sidecar is connected and serves `instances`. The error: its identity has too many already. */
  attach({ key, identity }: WorkloadRef, instances: readonly Instance[]): Result<void, string> {
    const ids = new Set(instances.map((instance) => instance.id))
    const added = [...ids].filter((id) => !this.#keepers.has(id)).length
    if (added > 0 && (this.#owned.get(identity) ?? 0) + added > MAX_INSTANCES)
      return err(`${identity} has more than ${MAX_INSTANCES} instances that are registered or wait to be taken out`)
    const earlier = this.#attachments.get(key)
    earlier?.leaving?.cancel()
    this.#attachments.set(key, { identity, instances, isReady: true, leaving: undefined })
    for (const id of ids) this.#doubt(id)
    for (const { id } of earlier?.instances ?? []) if (!ids.has(id)) this.#want(identity, id, undefined)
    for (const instance of instances) this.#want(identity, instance.id, instance)
    return ok(undefined)
  }

  /** The workload takes traffic, or takes none: not ready is out at once. */
  setReady({ key }: WorkloadRef, isReady: boolean): void {
    const attachment = this.#attachments.get(key)
    if (attachment === undefined) return
    const { identity } = attachment
    attachment.isReady = isReady
    for (const instance of attachment.instances) this.#want(identity, instance.id, isReady ? instance : undefined)
  }

  /** The workload's stream ended. It has `graceMs` to be back. */
  detach(workload: WorkloadRef): void {
    const attachment = this.#attachments.get(workload.key)
    if (attachment === undefined || this.#isStopped) return
    attachment.leaving?.cancel()
    if (attachment.instances.length === 0) this.release(workload)
    else {
      const { clock, times } = this.#deps
      attachment.leaving = clock.after(times.graceMs, () => this.release(workload), { background: true })
    }
  }

  /** The workload serves nothing any more, from now on. */
  release({ key }: WorkloadRef): void {
    const attachment = this.#attachments.get(key)
    if (attachment === undefined) return
    attachment.leaving?.cancel()
    this.#attachments.delete(key)
    for (const { id } of attachment.instances) this.#want(attachment.identity, id, undefined)
  }

  /** Instances that are to be registered now. */
  get instanceCount(): number {
    return [...this.#keepers.values()].filter((keeper) => keeper.wanted !== undefined).length
  }

  /** Resolves when no operation is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Ends the heartbeats. What is registered stays: the sidecars go on serving, and another control plane takes over. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#beat?.cancel()
    for (const { leaving } of this.#attachments.values()) leaving?.cancel()
    await this.settled()
  }

  /**
   * The sidecar is back. If another replica had it meanwhile, that one takes out at the end of its grace what still has
   * its name on it.
   */
  #doubt(id: string): void {
    const keeper = this.#keepers.get(id)
    if (keeper !== undefined) keeper.isClaimed = false
  }

  #want(identity: string, id: string, wanted: Instance | undefined): void {
    let keeper = this.#keepers.get(id)
    if (keeper === undefined) {
      keeper = {
        id,
        identity,
        wanted,
        registered: undefined,
        isClaimed: false,
        isBusy: false,
        isBeating: false,
        isGone: false,
      }
      this.#keepers.set(id, keeper)
      this.#owned.set(identity, (this.#owned.get(identity) ?? 0) + 1)
    }
    keeper.wanted = wanted
    keeper.isGone = false
    this.#reconcile(keeper)
  }

  #reconcile(keeper: Keeper): void {
    if (keeper.isBusy || this.#isStopped) return
    keeper.isBusy = true
    const run = this.#step(keeper).finally(() => {
      keeper.isBusy = false
      this.#running.delete(run)
    })
    this.#running.add(run)
  }

  /** Until the wish is fulfilled, or the registry fails: the next heartbeat tries again. */
  async #step(keeper: Keeper): Promise<void> {
    while (!this.#isStopped) {
      const { wanted } = keeper
      const wantedText = wanted === undefined ? undefined : JSON.stringify(wanted)
      const isRegistered = wantedText === keeper.registered
      if (wanted !== undefined && isRegistered && keeper.isClaimed) return
      const error =
        wanted === undefined
          ? await this.#takeOut(keeper)
          : await (isRegistered ? this.#claim(keeper) : this.#register(keeper, wanted))
      if (error !== undefined) return this.#deps.onAvailability(error.kind !== 'unavailable', error.detail)
      this.#deps.onAvailability(true, '')
      if (wanted === undefined && keeper.wanted === undefined) {
        this.#drop(keeper)
        return
      }
    }
  }

  #drop({ id, identity }: Keeper): void {
    if (!this.#keepers.delete(id)) return
    const left = (this.#owned.get(identity) ?? 0) - 1
    if (left > 0) this.#owned.set(identity, left)
    else this.#owned.delete(identity)
  }

  async #register(keeper: Keeper, instance: Instance): Promise<RegistryError | undefined> {
    const { registry, times, prefix, replica } = this.#deps
    keeper.isClaimed = true
    const remembered = await registry.put(prefix + instance.id, toMemo(instance, replica))
    if (!remembered.ok) return remembered.error
    const registered = await registry.register(instance, times.ttlMs)
    if (!registered.ok) return registered.error
    keeper.registered = JSON.stringify(instance)
    return undefined
  }

  /** Looks whose name is on the instance; where it is another's, it is to be registered anew. */
  async #claim(keeper: Keeper): Promise<RegistryError | undefined> {
    const { registry, prefix, replica } = this.#deps
    keeper.isClaimed = true
    const memo = await registry.get(prefix + keeper.id, { consistent: true })
    const isOurs = memo.ok && memo.value !== undefined && fromMemo(memo.value.value)?.replica === replica
    if (!isOurs) keeper.registered = undefined
    return memo.ok ? undefined : memo.error
  }

  async #takeOut(keeper: Keeper): Promise<RegistryError | undefined> {
    const { registry, prefix, replica } = this.#deps
    const memo = await registry.get(prefix + keeper.id, { consistent: true })
    if (keeper.wanted !== undefined) return undefined
    if (!memo.ok) return this.#gone(keeper, memo.error)
    // Another replica has taken the sidecar over: the instance is not ours to end.
    if (memo.value !== undefined && fromMemo(memo.value.value)?.replica !== replica) return undefined
    keeper.registered = undefined
    if (memo.value !== undefined) {
      const forgotten = await registry.delete(prefix + keeper.id, { expectedVersion: memo.value.version })
      if (keeper.wanted !== undefined) return undefined
      // Taken over in this very moment: look again.
      if (!forgotten.ok && forgotten.error.kind === 'conflict') return this.#takeOut(keeper)
      if (!forgotten.ok) return this.#gone(keeper, forgotten.error)
    }
    this.#gone(keeper, undefined)
    const removed = await registry.deregister(keeper.id)
    return removed.ok ? undefined : removed.error
  }

  /** Says, once, that nobody is to be led to the instance any more; hands `error` on. */
  #gone(keeper: Keeper, error: RegistryError | undefined): RegistryError | undefined {
    if (!keeper.isGone) this.#deps.onGone(keeper.id)
    keeper.isGone = true
    return error
  }

  #armBeat(): void {
    this.#beat = this.#deps.clock.after(
      this.#deps.times.heartbeatMs,
      () => {
        for (const keeper of this.#keepers.values()) this.#heartbeat(keeper)
        this.#armBeat()
      },
      { background: true },
    )
  }

  #heartbeat(keeper: Keeper): void {
    if (keeper.registered === undefined || keeper.wanted === undefined) {
      this.#reconcile(keeper)
      return
    }
    if (keeper.isBeating) return
    keeper.isBeating = true
    const run = this.#deps.registry.heartbeat(keeper.id).then((known) => {
      keeper.isBeating = false
      this.#running.delete(run)
      if (!known.ok) return this.#deps.onAvailability(known.error.kind !== 'unavailable', known.error.detail)
      this.#deps.onAvailability(true, '')
      if (known.value) return
      keeper.registered = undefined
      this.#reconcile(keeper)
    })
    this.#running.add(run)
  }
}

/** What is remembered of an instance: itself, and the replica that its sidecar is connected to. */
const toMemo = (instance: Instance, replica: string): Buffer => Buffer.from(JSON.stringify({ replica, instance }))

/** Reads what `toMemo` wrote; undefined when it is not that. */
export function fromMemo(value: Buffer): { readonly replica: string; readonly instance: Instance } | undefined {
  try {
    const memo = JSON.parse(value.toString('utf8')) as { replica?: unknown; instance?: { id?: unknown } } | null
    if (typeof memo?.replica !== 'string' || typeof memo.instance?.id !== 'string') return undefined
    return memo as { replica: string; instance: Instance }
  } catch {
    return undefined
  }
}
