import assert from 'node:assert/strict'
import type { Endpoint, TrafficSettings } from '../config/resources.ts'
import type { Snapshot } from '../config/snapshot.ts'
import type { SnapshotStore } from '../config/snapshot-store.ts'
import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { LoadView } from '../decide/decision.ts'
import {
  afterFailure,
  afterNeutral,
  afterStart,
  afterSuccess,
  FRESH,
  isOut,
  type OutlierState,
} from '../resilience/outlier-detector.ts'
import { RetryBudget } from '../resilience/retry-budget.ts'
import { costOf, type PeakEwma, UNMEASURED, withFailure, withLatency } from './peak-ewma.ts'

/** What a try says of its endpoint. `neutral`: nothing, for the caller went away, or the fault was our own. */
export type AttemptVerdict = 'success' | 'failure' | 'neutral'

interface EndpointState {
  inFlight: number
  average: PeakEwma
  outlier: OutlierState
}

interface ServiceState {
  inFlight: number
  turn: number
  ejectionCount: number
  readonly budget: RetryBudget
}

/**
 * The one owner of what changes by itself: what is in flight, how long it takes, who is ejected, what the retry budgets
 * still allow. Decisions read it as a `LoadView`; the pipeline tells it what begins and ends, each exactly once.
 * It follows the snapshot: an endpoint that left and comes back starts clean. Gauges return to 0 whatever way things end.
 */
export class LoadState implements LoadView {
  readonly #clock: Clock
  readonly #random: Random
  readonly #endpoints = new Map<string, EndpointState>()
  readonly #services = new Map<string, ServiceState>()
  /** How many services list an endpoint: those of a parent service and of its versions are the same. */
  readonly #listings = new Map<string, number>()
  readonly #unsubscribe: () => void
  #snapshot: Snapshot
  /** Endpoints that are ejected or probing. */
  #outCount = 0

  constructor(snapshots: SnapshotStore, clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
    this.#snapshot = snapshots.current
    for (const { endpoints } of this.#snapshot.endpoints.values()) this.#list(endpoints, 1)
    this.#unsubscribe = snapshots.subscribe((next, previous) => this.#onSnapshot(next, previous))
  }

  // ---- what decisions read ----

  cost(endpoint: Endpoint): number {
    const state = this.#endpoints.get(endpoint.id)
    return state === undefined ? 0 : costOf(state.average, state.inFlight, this.#clock.nowMs())
  }

  inFlight(endpoint: Endpoint): number {
    return this.#endpoints.get(endpoint.id)?.inFlight ?? 0
  }

  isEjected(endpoint: Endpoint): boolean {
    const state = this.#endpoints.get(endpoint.id)
    return state !== undefined && isOut(state.outlier, this.#clock.nowMs())
  }

  hasEjections(): boolean {
    return this.#outCount > 0
  }

  serviceInFlight(service: string): number {
    return this.#services.get(service)?.inFlight ?? 0
  }

  mayRetry(service: string, traffic: TrafficSettings): boolean {
    return this.#service(service).budget.mayRetry(traffic.retryBudget, this.#clock.nowMs())
  }

  turn(service: string): number {
    return this.#services.get(service)?.turn ?? 0
  }

  /** Ejections of the service's endpoints so far, for metrics. */
  ejectionCount(service: string): number {
    return this.#services.get(service)?.ejectionCount ?? 0
  }

  // ---- what the pipeline tells ----

  /** An exchange of the service began; before its first try. */
  onExchangeStart(service: string): void {
    const state = this.#service(service)
    state.inFlight++
    state.budget.onExchange(this.#clock.nowMs())
  }

  /** The exchange is over. */
  onExchangeEnd(service: string): void {
    const state = this.#services.get(service)
    assert(state !== undefined && state.inFlight > 0, 'an exchange that ends has begun')
    state.inFlight--
    if (state.inFlight === 0 && !this.#isKnown(service)) this.#services.delete(service)
  }

  /** One more try was decided; when that is, not when its wait is over. */
  onRetry(service: string): void {
    this.#service(service).budget.onRetry(this.#clock.nowMs())
  }

  /** A try at the endpoint began. The one that follows an ejection is the probe. */
  onAttemptStart(service: string, endpoint: Endpoint): void {
    this.#service(service).turn++
    const state = this.#endpoint(endpoint.id)
    this.#setOutlier(state, afterStart(state.outlier, state.inFlight, this.#clock.nowMs()))
    state.inFlight++
  }

  /**
   * A good response began. Tells a probe's success at once, not at the end of a long body; of an endpoint that is in, only
   * the end says that it is well, for a body that always breaks off begins well. May be left out.
   */
  onAttemptAnswer(endpoint: Endpoint): void {
    const state = this.#endpoints.get(endpoint.id)
    if (state?.outlier.name === 'probing') this.#setOutlier(state, afterSuccess(state.outlier, this.#clock.nowMs()))
  }

  /**
   * The try is over.
   * @param endpoint the one that `onAttemptStart` was called with, also when another try was decided meanwhile
   * @param latencyMs from its start to the response's head, or to its failure
   */
  onAttemptEnd(
    service: string,
    endpoint: Endpoint,
    latencyMs: number,
    verdict: AttemptVerdict,
    traffic: TrafficSettings,
  ): void {
    const state = this.#endpoints.get(endpoint.id)
    assert(state !== undefined && state.inFlight > 0, `a try that ends at endpoint ${endpoint.id} has begun there`)
    state.inFlight--
    if (!this.#listings.has(endpoint.id)) {
      if (state.inFlight === 0) this.#drop(endpoint.id)
      return
    }
    const nowMs = this.#clock.nowMs()
    if (verdict === 'neutral') this.#setOutlier(state, afterNeutral(state.outlier, nowMs))
    else if (verdict === 'success') {
      state.average = withLatency(state.average, latencyMs, nowMs)
      this.#setOutlier(state, afterSuccess(state.outlier, nowMs))
    } else {
      state.average = withFailure(state.average, latencyMs, nowMs)
      const mayEject = (): boolean => this.#mayEject(service, state, traffic)
      const next = afterFailure(state.outlier, traffic.outlier, { nowMs, random: this.#random, mayEject })
      if (next.name === 'ejected' && state.outlier.name !== 'ejected') this.#service(service).ejectionCount++
      this.#setOutlier(state, next)
    }
  }

  /** Forgets what is known of endpoints: should they come (back), they start clean. What is in flight stays counted. */
  forget(endpointIds: Iterable<string>): void {
    for (const id of endpointIds) {
      const state = this.#endpoints.get(id)
      if (state === undefined) continue
      if (state.inFlight === 0) this.#drop(id)
      else {
        this.#setOutlier(state, FRESH)
        state.average = UNMEASURED
      }
    }
  }

  /** Stops following the snapshot. */
  [Symbol.dispose](): void {
    this.#unsubscribe()
  }

  // ---- its own ----

  #onSnapshot(next: Snapshot, previous: Snapshot): void {
    this.#snapshot = next
    const gone = new Set<string>()
    for (const [name, resource] of next.endpoints) {
      if (resource !== previous.endpoints.get(name)) this.#list(resource.endpoints, 1)
    }
    for (const [name, resource] of previous.endpoints) {
      if (resource === next.endpoints.get(name)) continue
      this.#list(resource.endpoints, -1)
      for (const { id } of resource.endpoints) if (!this.#listings.has(id)) gone.add(id)
    }
    this.forget(gone)
    for (const name of previous.endpoints.keys()) {
      if (!this.#isKnown(name) && this.serviceInFlight(name) === 0) this.#services.delete(name)
    }
  }

  #list(endpoints: readonly Endpoint[], by: 1 | -1): void {
    for (const { id } of endpoints) {
      const count = (this.#listings.get(id) ?? 0) + by
      if (count === 0) this.#listings.delete(id)
      else this.#listings.set(id, count)
    }
  }

  /** Whether the endpoint may be out besides those of its service that are, without going over the share that may. */
  #mayEject(service: string, candidate: EndpointState, traffic: TrafficSettings): boolean {
    const endpoints = this.#snapshot.endpoints.get(service)?.endpoints ?? []
    let out = 1
    for (const { id } of endpoints) {
      const state = this.#endpoints.get(id)
      if (state !== undefined && state !== candidate && state.outlier.name !== 'admitting') out++
    }
    return out <= traffic.outlier.maxEjectedRatio * endpoints.length
  }

  #setOutlier(state: EndpointState, next: OutlierState): void {
    if (state.outlier === next) return
    this.#outCount += Number(next.name !== 'admitting') - Number(state.outlier.name !== 'admitting')
    state.outlier = next
  }

  #drop(id: string): void {
    const state = this.#endpoints.get(id)
    if (state !== undefined) this.#setOutlier(state, FRESH)
    this.#endpoints.delete(id)
  }

  #isKnown(service: string): boolean {
    return this.#snapshot.endpoints.has(service)
  }

  #endpoint(id: string): EndpointState {
    let state = this.#endpoints.get(id)
    if (state === undefined) {
      state = { inFlight: 0, average: UNMEASURED, outlier: FRESH }
      this.#endpoints.set(id, state)
    }
    return state
  }

  #service(name: string): ServiceState {
    let state = this.#services.get(name)
    if (state === undefined) {
      state = { inFlight: 0, turn: 0, ejectionCount: 0, budget: new RetryBudget() }
      this.#services.set(name, state)
    }
    return state
  }
}
