import type { Result } from '../../../certs/result.ts'
import type { Clock, Timer } from '../../../sidecar/core/clock.ts'
import type { Random } from '../../../sidecar/core/random.ts'
import type { Entry, Instance, Watch, WatchListener } from '../registry.ts'
import { sameEntries, sameInstances, sameNames } from '../same-content.ts'
import { ToldState } from '../told-state.ts'
import { BlockingSlots } from './blocking-slots.ts'
import type { HealthEntry, KvPair } from './consul-answers.ts'
import type { ConsulAvailability } from './consul-availability.ts'
import type { Answer, Ask, ConsulClient, ConsulFailure } from './consul-client.ts'
import { isLockKey } from './consul-lock.ts'
import { viewInstances } from './instance-view.ts'
import { QueryLoop } from './query-loop.ts'
import { QueryPace } from './query-pace.ts'

/** Health watches that may wait at once; the rest of the blocking connections is for keys, the catalogue and locks. */
const HEALTH_SLOT_COUNT = 64
/**
 * How fast all health watches without a slot may ask, together. Measured with 500 services (both processes on 2 cores of
 * this class): at 100 a second 8 % of a core here and 6 % in the agent, and a change is seen within 5 s.
 */
const POLL_PACE = { burstCount: 16, perSecond: 100 } as const
/** Consul lists its own servers; nobody calls them through the mesh. */
const CONSULS_OWN_SERVICE = 'consul'

/** What the watches need from around them. */
export interface WatchSeams {
  /** The registry's description: for messages. */
  readonly where: string
  readonly client: Pick<ConsulClient, 'list' | 'services' | 'health'>
  readonly clock: Clock
  readonly random: Random
  readonly availability: ConsulAvailability
}

/** The watches of one registry on Consul. Listeners hear of real changes only; an absence of Consul changes nothing but `onAvailability`. */
export class ConsulWatches {
  readonly #seams: WatchSeams
  readonly #slots = new BlockingSlots(HEALTH_SLOT_COUNT)
  readonly #pollPace: QueryPace
  readonly #stops = new Set<() => void>()

  constructor(seams: WatchSeams) {
    this.#seams = seams
    this.#pollPace = new QueryPace(seams.clock, POLL_PACE)
  }

  prefix(prefix: string, listener: WatchListener<readonly Entry[]>): Watch {
    const told = new ToldState(listener, sameEntries)
    return this.#start(
      told,
      undefined,
      (ask) => this.#seams.client.list(prefix, ask),
      (pairs: KvPair[]) => told.state(toEntries(pairs)),
    )
  }

  services(listener: WatchListener<readonly string[]>): Watch {
    const told = new ToldState(listener, sameNames)
    const tell = (names: string[]): void => told.state(names.filter((name) => name !== CONSULS_OWN_SERVICE))
    return this.#start(told, undefined, (ask) => this.#seams.client.services(ask), tell)
  }

  /** Judges the last answer again when Consul goes or comes, and when a grace that it granted ends. */
  instances(service: string, listener: WatchListener<readonly Instance[]>): Watch {
    const { client, clock, availability } = this.#seams
    const told = new ToldState(listener, sameInstances)
    let entries: readonly HealthEntry[] | undefined
    let again: Timer | undefined
    const judge = (): void => {
      again?.cancel()
      if (entries === undefined) return
      const moment = { nowMs: clock.nowMs(), upSinceMs: availability.upSinceMs, told: told.current }
      const view = viewInstances(entries, moment)
      if (view.judgeAgainInMs !== undefined) again = clock.after(view.judgeAgainInMs + 1, judge, { background: true })
      told.state(view.instances)
    }
    const unobserve = availability.observe(judge)
    const onAnswer = (answer: HealthEntry[]): void => {
      entries = answer
      judge()
    }
    const watch = this.#start(told, this.#slots, (ask) => client.health(service, ask), onAnswer)
    const stop = (): void => {
      this.#stops.delete(stop)
      unobserve()
      again?.cancel()
      watch.stop()
    }
    this.#stops.add(stop)
    return { stop }
  }

  /** No listener is called any more. */
  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #start<T, A>(
    told: ToldState<T>,
    slots: BlockingSlots | undefined,
    query: (ask: Ask) => Promise<Result<Answer<A>, ConsulFailure>>,
    onAnswer: (answer: A) => void,
  ): Watch {
    const { clock, random, availability } = this.#seams
    const observer = {
      onAnswer: (answer: A): void => {
        told.availability(true, 'Consul answers again')
        onAnswer(answer)
      },
      onFailure: (detail: string): void => told.availability(false, `${this.#seams.where}: ${detail}`),
    }
    const unobserve = availability.observe((isUp, detail) => {
      if (!isUp) told.availability(false, `${this.#seams.where}: ${detail}`)
    })
    const loop = new QueryLoop(query, observer, { clock, random, availability, slots, pollPace: this.#pollPace })
    const stop = (): void => {
      this.#stops.delete(stop)
      unobserve()
      told.stop()
      loop.stop()
    }
    this.#stops.add(stop)
    return { stop }
  }
}

/** Consul lists keys in the order of their octets. Keys of locks are not entries. */
export const toEntries = (pairs: readonly KvPair[]): Entry[] =>
  pairs
    .filter(({ key }) => !isLockKey(key))
    .map(({ key, value, modifyIndex }) => ({ key, value, version: modifyIndex }))
