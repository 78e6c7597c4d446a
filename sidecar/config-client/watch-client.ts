import type { ClientHttp2Session } from 'node:http2'
import type { KeyPair } from '../../certs/key-pair.ts'
import { type ResourceKind, resourceKey } from '../config/resources.ts'
import type { SnapshotStore } from '../config/snapshot-store.ts'
import type { Registration, WatchRequest } from '../config/watch-protocol.ts'
import { type BackoffPolicy, backoffMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { IdentityStore } from '../mtls/identity-store.ts'
import { applyEvents } from './apply-events.ts'
import { BackendGate } from './backend-gate.ts'
import type { ControlChannel } from './control-channel.ts'
import type { ArrivedEvent } from './watch-event.ts'
import { WatchStream } from './watch-stream.ts'

/** Kinds that a sidecar asks for; the others come without asking. */
export type WantedKind = 'Service' | 'Endpoints'

export interface WatchClientDeps {
  readonly channel: ControlChannel
  readonly identities: IdentityStore
  readonly store: SnapshotStore
  readonly clock: Clock
  readonly random: Random
  readonly trustDomain: string
  /** `namespace/name`. */
  readonly workload: string
  /** Version of this program. */
  readonly version: string
  /** What this workload serves, with the address of its mesh link. */
  readonly serves: readonly Registration[]
  /** Hears when the connection is there, and when it is lost; not of each further try. */
  readonly onStatus?: (status: WatchStatus) => void
  /** Hears of a pushed resource that was refused; the one held before stays. */
  readonly onRejected?: (kind: ResourceKind, name: string, reason: string) => void
}

/** How things stand between this sidecar and the control plane. */
export interface WatchStatus {
  readonly connected: boolean
  /** Since when the snapshot may be outdated (`Clock.nowMs`); undefined while it is known to be current. */
  readonly staleSinceMs: number | undefined
  /** Why there is no connection; undefined while there is one. */
  readonly trouble: string | undefined
  /** Times that a connection which was there was lost. */
  readonly lossCount: number
}

/** Short enough that sidecars are back before a restarted control plane believes that they are gone (its settle window). */
const BACKOFF: BackoffPolicy = { baseMs: 200, maxMs: 3_000 }
/** More than the control plane's ping interval and timeout together. */
const SILENCE_MS = 30_000

/**
 * The subscription to the control plane: asks for what traffic wants, applies what is told, reports what was applied or
 * refused, and comes back after every loss from where it was. Losing the control plane changes nothing in the snapshot.
 */
export class WatchClient {
  readonly #deps: WatchClientDeps
  readonly #wanted = new Map<string, { readonly kind: WantedKind; readonly name: string }>()
  /** Resources that the control plane said do not exist, with the version it gave that. */
  readonly #absent = new Map<string, string>()
  readonly #waiting = new Map<string, (() => void)[]>()
  /** Asked for on this connection without a version in hand: an answer to each must come. */
  readonly #unanswered = new Set<string>()
  readonly #gate = new BackendGate()
  readonly #readyListeners: (() => void)[] = []
  #stream: WatchStream | undefined
  #retry: Timer | undefined
  #identity: Disposable | undefined
  /** Of the certificate that the last connection was made with. */
  #keyPair: KeyPair | undefined
  #attempt = 0
  #isReady: boolean
  #isHealthy = true
  #isSynced = false
  /** The control plane has said all that was asked for, but routes still wait for the endpoints they lead to. */
  #isSyncDue = false
  #isClosed = false
  #isConnecting = false
  #staleSinceMs: number | undefined
  #trouble: string | undefined = 'not connected yet'
  #lossCount = 0

  constructor(deps: WatchClientDeps) {
    this.#deps = deps
    this.#staleSinceMs = deps.clock.nowMs()
    const { services, endpoints, workload, trust } = deps.store.current
    // What was held when the sidecar stopped is what its traffic wants.
    for (const name of services.keys()) this.#wanted.set(resourceKey('Service', name), { kind: 'Service', name })
    for (const name of endpoints.keys()) this.#wanted.set(resourceKey('Endpoints', name), { kind: 'Endpoints', name })
    this.#isReady = workload !== undefined && trust !== undefined
  }

  get status(): WatchStatus {
    return {
      connected: this.#isSynced,
      staleSinceMs: this.#staleSinceMs,
      trouble: this.#trouble,
      lossCount: this.#lossCount,
    }
  }

  /** Connects as soon as there is a certificate, and anew, without a gap, with each renewed one; until `close`. */
  start(): void {
    this.#identity ??= this.#deps.identities.subscribe(({ keyPair }) => {
      if (keyPair !== this.#keyPair) void this.#connect()
    })
  }

  /** Subscribes, if that is not done yet. Resolves when the control plane has answered; never, while it is away. */
  want(kind: WantedKind, name: string): Promise<void> {
    const key = resourceKey(kind, name)
    const isNew = !this.#wanted.has(key)
    this.#wanted.set(key, { kind, name })
    if (!isNew && (this.#deps.store.current.versions.has(key) || this.#absent.has(key))) return Promise.resolve()
    if (isNew) {
      this.#unanswered.add(key)
      this.#stream?.send([this.#toSubscribe(kind, name)])
    }
    return new Promise((resolve) => {
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), resolve])
    })
  }

  /** Ends a subscription, and takes the resource out of the snapshot. Nobody waits for its answer any more. */
  unwant(kind: WantedKind, name: string): void {
    const key = resourceKey(kind, name)
    if (!this.#wanted.delete(key)) return
    this.#absent.delete(key)
    this.#unanswered.delete(key)
    if (kind === 'Service') this.#gate.drop(name)
    this.#answered(key)
    this.#stream?.send([{ type: 'unsubscribe', kind, name }])
    this.#deps.store.apply([{ delete: kind, name }])
  }

  /** Tells whether the workload takes traffic: false takes it out of every endpoint list at once. */
  setHealthy(isHealthy: boolean): void {
    if (isHealthy === this.#isHealthy) return
    this.#isHealthy = isHealthy
    this.#stream?.send([{ type: 'health', ready: isHealthy }])
  }

  /** Resolves when the snapshot is complete: all that was wanted at the start is answered, or a last good copy was there. */
  waitReady(): Promise<void> {
    return this.#isReady ? Promise.resolve() : new Promise((resolve) => this.#readyListeners.push(resolve))
  }

  /** Ends the subscription. The snapshot stays. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#identity?.[Symbol.dispose]()
    this.#retry?.cancel()
    await this.#stream?.close()
    this.#stream = undefined
  }

  async #connect(): Promise<void> {
    if (this.#isConnecting) return
    this.#isConnecting = true
    this.#retry?.cancel()
    this.#keyPair = this.#deps.identities.current?.keyPair
    const session = await this.#deps.channel.connect()
    this.#isConnecting = false
    if (this.#isClosed) {
      if (session.ok) session.value.destroy()
      return
    }
    if (!session.ok) {
      // A connection that works is not given up for one that does not, but it ends with the certificate it was made with.
      if (this.#stream === undefined) this.#onLost(session.error)
      else this.#retryLater()
      return
    }
    this.#retry?.cancel()
    await this.#follow(session.value)
    // A certificate that came while we connected wants a connection of its own.
    if (!this.#isClosed && this.#deps.identities.current?.keyPair !== this.#keyPair) void this.#connect()
  }

  /** The subscription goes on over this connection; the earlier one ends after it. */
  async #follow(session: ClientHttp2Session): Promise<void> {
    const earlier = this.#stream
    const stream: WatchStream = new WatchStream(session, {
      clock: this.#deps.clock,
      silenceMs: SILENCE_MS,
      onEvents: (events) => this.#onEvents(stream, events),
      onEnd: (reason) => {
        if (this.#stream === stream) this.#onLost(reason)
      },
    })
    this.#stream = stream
    this.#gate.clear()
    this.#isSyncDue = false
    for (const [key, { kind, name }] of this.#wanted)
      if (this.#heldVersion(kind, name) === undefined) this.#unanswered.add(key)
    stream.send(this.#greeting())
    await earlier?.close()
  }

  /** Who we are, whether we take traffic, and all that we hold: what differs is sent, and nothing else. */
  #greeting(): readonly WatchRequest[] {
    const { workload, version, serves, trustDomain } = this.#deps
    const messages: WatchRequest[] = [{ type: 'hello', workload, version, serves: [...serves] }]
    if (!this.#isHealthy) messages.push({ type: 'health', ready: false })
    const own = { Trust: trustDomain, Workload: workload, Authorization: workload, Telemetry: 'mesh' } as const
    for (const [kind, name] of Object.entries(own) as [ResourceKind, string][])
      if (this.#heldVersion(kind, name) !== undefined) messages.push(this.#toSubscribe(kind, name))
    for (const { kind, name } of this.#wanted.values()) messages.push(this.#toSubscribe(kind, name))
    return messages
  }

  #toSubscribe(kind: ResourceKind, name: string): WatchRequest {
    const version = this.#heldVersion(kind, name)
    return version === undefined ? { type: 'subscribe', kind, name } : { type: 'subscribe', kind, name, version }
  }

  #heldVersion(kind: ResourceKind, name: string): string | undefined {
    const key = resourceKey(kind, name)
    return this.#deps.store.current.versions.get(key) ?? this.#absent.get(key)
  }

  #onEvents(stream: WatchStream, events: readonly ArrivedEvent[]): void {
    if (this.#stream !== stream) return
    const told = events.filter((event) => event.type === 'put' || event.type === 'delete')
    // An event may still be under way for something that is not wanted any more.
    const current = told.filter(
      (event) => !isOnDemand(event.kind) || this.#wanted.has(resourceKey(event.kind, event.name)),
    )
    const { now, needs } = this.#gate.admit(current, (key) => this.#isAnswered(key))
    const reports = [...applyEvents(this.#deps.store, now)]
    for (const report of reports) {
      if (report.type === 'nack') this.#deps.onRejected?.(report.kind, report.name, report.reason)
    }
    if (events.some((event) => event.type === 'ping')) reports.push({ type: 'pong' })
    stream.send(reports)
    for (const { kind, name } of needs) void this.want(kind, name)
    for (const event of now) {
      const key = resourceKey(event.kind, event.name)
      if (event.type === 'delete') this.#absent.set(key, event.version)
      else this.#absent.delete(key)
      this.#unanswered.delete(key)
      this.#answered(key)
    }
    this.#isSyncDue ||= events.some((event) => event.type === 'synced')
    // A long greeting arrives in parts, each of which may be called answered by itself.
    if (!this.#isSyncDue || !this.#gate.isEmpty || this.#unanswered.size > 0) return
    this.#isSyncDue = false
    this.#onSynced()
  }

  #onSynced(): void {
    this.#attempt = 0
    this.#trouble = undefined
    this.#staleSinceMs = undefined
    if (!this.#isReady) {
      this.#isReady = true
      for (const resolve of this.#readyListeners.splice(0)) resolve()
    }
    if (this.#isSynced) return
    this.#isSynced = true
    this.#deps.onStatus?.(this.status)
  }

  #isAnswered(key: string): boolean {
    return this.#absent.has(key) || this.#deps.store.current.versions.has(key)
  }

  #answered(key: string): void {
    const waiting = this.#waiting.get(key) ?? []
    this.#waiting.delete(key)
    for (const resolve of waiting) resolve()
  }

  #onLost(reason: string): void {
    if (this.#stream !== undefined) this.#lossCount++
    // The tries that follow fail for the same reason: `status` says the latest.
    const isNews = this.#isSynced || this.#attempt === 0
    this.#stream = undefined
    this.#isSynced = false
    this.#trouble = reason
    this.#staleSinceMs ??= this.#deps.clock.nowMs()
    this.#retryLater()
    if (isNews) this.#deps.onStatus?.(this.status)
  }

  #retryLater(): void {
    const { clock, random } = this.#deps
    this.#retry?.cancel()
    this.#retry = clock.after(backoffMs(BACKOFF, ++this.#attempt, random), () => void this.#connect(), {
      background: true,
    })
  }
}

const isOnDemand = (kind: ResourceKind): boolean => kind === 'Service' || kind === 'Endpoints'
