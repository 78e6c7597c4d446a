import { err, ok, type Result } from '../../certs/result.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import { type ManifestRecords, readRecords } from '../api/manifest-record.ts'
import type { Manifest } from '../policy/manifest.ts'
import type { Entry, Instance, Registry, Watch, WatchListener } from '../registry/registry.ts'
import { buildWorld } from '../world/build-world.ts'
import type { TelemetryDefaults, World, WorldTrust } from '../world/world.ts'
import { Debounce, type DebouncePolicy } from './debounce.ts'
import { InstanceMemory } from './instance-memory.ts'
import { fromMemo } from './instance-registrar.ts'

export interface WorldSourceDeps {
  readonly registry: Registry
  readonly clock: Clock
  /** `outrigger/<mesh>/manifests/`. */
  readonly manifestPrefix: string
  /** Where the registrar remembers instances, `outrigger/<mesh>/instances/`. */
  readonly instancePrefix: string
  /** The trust domain's roots as they are now. */
  readonly trust: () => WorldTrust
  readonly telemetryDefaults: TelemetryDefaults
  readonly debounce: DebouncePolicy
  /** How long sidecars get to come back after the registry or the control plane was away, ms. */
  readonly settleMs: number
  /** A new generation. */
  readonly onWorld: (world: World) => void
  /** Something is left out, or the registry went or came: one line for the log. */
  readonly onNote: (note: string) => void
}

/** How things stand with the registry. */
export interface Availability {
  readonly available: boolean
  readonly detail: string
  /** Wall clock, ms since the epoch. */
  readonly sinceMs: number
}

const FIRST_STATE_TIMEOUT_MS = 10_000

/** Watches everything that the world is made of, and builds it anew, a moment after something changed. */
export class WorldSource {
  readonly #deps: WorldSourceDeps
  readonly #memory: InstanceMemory
  readonly #debounce: Debounce
  readonly #watches: Watch[] = []
  readonly #services = new Map<string, Watch>()
  /** Names of services in the registry that are over the limit of watches. */
  #unwatched: ReadonlySet<string> = new Set()
  /** What has not told its first state yet. */
  readonly #awaited = new Set<string>(['manifests', 'services'])
  readonly #troubled = new Map<string, string>()
  #onFirst: (() => void) | undefined
  #records: ManifestRecords | undefined
  #availability: Availability
  #world: World | undefined
  #generation = 0
  /** What the registry remembered of instances at the start. */
  #recalled: Entry[] = []

  constructor(deps: WorldSourceDeps) {
    this.#deps = deps
    this.#memory = new InstanceMemory(deps.clock, deps.settleMs, () => {
      this.touch()
      void this.#forgetRecalled()
    })
    this.#debounce = new Debounce(deps.clock, deps.debounce, () => this.#build())
    this.#availability = { available: true, detail: '', sinceMs: deps.clock.wallMs() }
  }

  /** The newest generation, if there is one yet. */
  get known(): World | undefined {
    return this.#world
  }

  /** The newest generation. Only after `start`. */
  get world(): World {
    if (this.#world === undefined) throw new Error('the world is known after start')
    return this.#world
  }

  get availability(): Availability {
    return this.#availability
  }

  /** False within a settle window. */
  get isSettled(): boolean {
    return this.#memory.isSettled
  }

  /** Resolves when the first world is there: everything that the registry has is in it. */
  async start(): Promise<Result<void, string>> {
    const { registry, instancePrefix, manifestPrefix, clock } = this.#deps
    const known = await registry.list(instancePrefix)
    if (!known.ok) return err(`the registry ${registry.description} can't be read: ${known.error.detail}`)
    this.#recalled = [...known.value]
    this.#memory.recall(known.value.flatMap(({ value }) => fromMemo(value)?.instance ?? []))
    const first = new Promise<void>((resolve) => {
      this.#onFirst = resolve
    })
    this.#watches.push(
      registry.watchPrefix(
        manifestPrefix,
        this.#listener('manifests', (entries) => {
          this.#records = readRecords(entries, manifestPrefix)
          for (const key of this.#records.unreadable) this.#deps.onNote(`manifest ${key} can't be read and is left out`)
        }),
      ),
      registry.watchServices(this.#listener('services', (names) => this.#follow(names))),
    )
    const isInTime = await Promise.race([
      first.then(() => true),
      new Promise<boolean>(
        (resolve) => void clock.after(FIRST_STATE_TIMEOUT_MS, () => resolve(false), { background: true }),
      ),
    ])
    if (!isInTime)
      return err(
        `the registry ${registry.description} did not tell its state within ${FIRST_STATE_TIMEOUT_MS} ms: ${this.#availability.detail}`,
      )
    this.#debounce.cancel()
    this.#build()
    return ok(undefined)
  }

  /** The world as it would be with these manifests, everything else as it is. */
  hypothetical(manifests: readonly Manifest[]): World {
    return buildWorld({
      generation: this.#generation,
      manifests,
      instances: this.#memory.current(),
      trust: this.#deps.trust(),
      telemetryDefaults: this.#deps.telemetryDefaults,
      unwatched: this.#unwatched,
    })
  }

  /** Something outside the registry changed, as the roots: the world is built anew. */
  touch(): void {
    if (this.#world !== undefined || this.#awaited.size === 0) this.#debounce.touch()
  }

  /** The instance left for certain: a settle window does not keep it. */
  forget(id: string): void {
    this.#memory.forget(id)
    this.touch()
  }

  /** What `source` found out about the registry. Absences that it reports are believed only some time after all is well again. */
  report(source: string, available: boolean, detail: string): void {
    const was = this.#troubled.size === 0
    if (available) this.#troubled.delete(source)
    else this.#troubled.set(source, detail)
    const is = this.#troubled.size === 0
    if (is === was) return
    this.#availability = { available: is, detail: is ? '' : detail, sinceMs: this.#deps.clock.wallMs() }
    if (is) this.#memory.resume()
    else this.#memory.suspend()
    const { description } = this.#deps.registry
    this.#deps.onNote(is ? `the registry ${description} is back` : `the registry ${description} is away: ${detail}`)
  }

  /** Ends all watches. */
  stop(): void {
    for (const watch of [...this.#watches, ...this.#services.values()]) watch.stop()
    this.#debounce.cancel()
    this.#memory.stop()
  }

  #follow(names: readonly string[]): void {
    const { registry } = this.#deps
    // What is followed is never left out for a newcomer: names that somebody makes up must not take a service out of the mesh.
    const followed = names.filter((name) => this.#services.has(name))
    const others = names.filter((name) => !this.#services.has(name))
    const all = [...followed, ...others]
    const wanted = new Set(all.slice(0, registry.watchedServiceCount))
    this.#leaveOut(all.slice(registry.watchedServiceCount))
    for (const [name, watch] of this.#services) {
      if (wanted.has(name)) continue
      watch.stop()
      this.#services.delete(name)
      this.report(`instances of ${name}`, true, '')
      this.#told(`instances of ${name}`)
      this.#memory.accept(name, [])
    }
    for (const name of wanted) {
      if (this.#services.has(name)) continue
      const source = `instances of ${name}`
      if (this.#world === undefined) this.#awaited.add(source)
      const accept = (instances: readonly Instance[]): void => this.#memory.accept(name, instances)
      this.#services.set(name, registry.watchInstances(name, this.#listener(source, accept)))
    }
  }

  /** Told once when it begins and once when it is over; meanwhile the status names each of them. */
  #leaveOut(names: readonly string[]): void {
    const { registry, onNote } = this.#deps
    const was = this.#unwatched.size
    this.#unwatched = new Set(names)
    if (was === 0 && names.length > 0)
      onNote(
        `the registry has more services than the ${registry.watchedServiceCount} that can be watched: instances of ${names.length} are not seen, of ${names.slice(0, 5).join(', ')} first; GET /v1/status names all`,
      )
    if (was > 0 && names.length === 0) onNote('all services of the registry are watched again')
  }

  /** Sidecars that are not back by the end of the first settle window left while nobody was there to see it. */
  async #forgetRecalled(): Promise<void> {
    const healthy = new Set(this.#memory.current().map(({ id }) => id))
    for (const { key, value, version } of this.#recalled.splice(0))
      if (!healthy.has(fromMemo(value)?.instance.id ?? ''))
        await this.#deps.registry.delete(key, { expectedVersion: version })
  }

  #listener<T>(source: string, accept: (state: T) => void): WatchListener<T> {
    return {
      onState: (state) => {
        accept(state)
        this.#told(source)
        this.touch()
      },
      onAvailability: (available, detail) => this.report(source, available, detail),
    }
  }

  #told(source: string): void {
    if (this.#awaited.delete(source) && this.#awaited.size === 0) this.#onFirst?.()
  }

  #build(): void {
    this.#generation++
    this.#world = this.hypothetical([...(this.#records?.manifests.values() ?? [])])
    this.#deps.onWorld(this.#world)
  }
}
