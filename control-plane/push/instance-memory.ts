import type { Clock, Timer } from '../../sidecar/core/clock.ts'
import type { Instance } from '../registry/registry.ts'

/**
 * The instances that the mesh counts on. Normally they are what the registry says. But a registry that was away, or a
 * control plane that was, has missed heartbeats: what it calls gone then may only not have been heard of. In such a
 * settle window an instance is kept until somebody says that it left, so that no sidecar loses endpoints that still serve.
 */
export class InstanceMemory {
  readonly #clock: Clock
  readonly #settleMs: number
  readonly #onSettled: () => void
  readonly #told = new Map<string, readonly Instance[]>()
  /** Not in what was told, but kept for now. By id; empty when settled. */
  readonly #kept = new Map<string, Instance>()
  #isSettled = true
  #timer: Timer | undefined

  /** `settleMs`: how long sidecars get to come back. `onSettled`: instances may have gone with the end of the window. */
  constructor(clock: Clock, settleMs: number, onSettled: () => void) {
    this.#clock = clock
    this.#settleMs = settleMs
    this.#onSettled = onSettled
  }

  /** False while instances are kept that the registry does not know. */
  get isSettled(): boolean {
    return this.#isSettled
  }

  /** What was known before this control plane began; opens the first settle window. */
  recall(known: readonly Instance[]): void {
    for (const instance of known) this.#kept.set(instance.id, instance)
    if (known.length > 0) this.resume()
  }

  /** The registry can't be reached: nothing that it says of absence counts, until `resume`. */
  suspend(): void {
    this.#isSettled = false
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The registry is there (again): the window closes in `settleMs`. */
  resume(): void {
    this.#isSettled = false
    this.#timer?.cancel()
    this.#timer = this.#clock.after(this.#settleMs, () => this.#settle(), { background: true })
  }

  /** The registry's healthy instances of one service. */
  accept(service: string, instances: readonly Instance[]): void {
    const ids = new Set(instances.map((instance) => instance.id))
    if (!this.#isSettled)
      for (const earlier of this.#told.get(service) ?? []) if (!ids.has(earlier.id)) this.#kept.set(earlier.id, earlier)
    for (const id of ids) this.#kept.delete(id)
    // Names of services come and go without end.
    if (instances.length === 0) this.#told.delete(service)
    else this.#told.set(service, instances)
  }

  /** The instance left for certain: it drained, or its grace is over. */
  forget(id: string): void {
    this.#kept.delete(id)
    for (const [service, instances] of this.#told)
      if (instances.some((instance) => instance.id === id))
        this.#told.set(
          service,
          instances.filter((instance) => instance.id !== id),
        )
  }

  /** All instances to count on, each once, by id. */
  current(): readonly Instance[] {
    const all = new Map(this.#kept)
    for (const instances of this.#told.values()) for (const instance of instances) all.set(instance.id, instance)
    return [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  /** Ends the window's timer. */
  stop(): void {
    this.#timer?.cancel()
  }

  #settle(): void {
    this.#timer = undefined
    this.#isSettled = true
    this.#kept.clear()
    this.#onSettled()
  }
}
