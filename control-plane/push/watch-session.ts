import assert from 'node:assert/strict'
import { err, ok, type Result } from '../../certs/result.ts'
import { type ResourceKind, resourceKey } from '../../sidecar/config/resources.ts'
import { toLine } from '../../sidecar/config/watch-lines.ts'
import { QUALIFIED_NAME, type WatchEvent, type WatchRequest } from '../../sidecar/config/watch-protocol.ts'
import type { Clock, Timer } from '../../sidecar/core/clock.ts'
import { type WorkloadRef, workloadRef } from '../world/workload-ref.ts'
import type { AckTracker } from './ack-tracker.ts'
import { manifestsOf } from './manifests-of.ts'
import { parseRequest } from './parse-request.ts'
import { PUSH_LIMITS } from './push-limits.ts'
import { ABSENT_VERSION, type ResourceView, type VersionedResource } from './resource-source.ts'
import type { SessionAccount } from './session-ledger.ts'

export type Hello = Extract<WatchRequest, { type: 'hello' }>

/** Where a session's lines go. */
export interface LineSink {
  /** False: the peer reads too slowly, nothing more until `WatchSession.onDrain`. */
  write(line: string): boolean
  /** Ends the stream. A `reason` is told to the peer; without one the end is an orderly one. */
  end(reason: string | undefined): void
}

/** What a session needs from its server. */
export interface SessionDeps {
  readonly clock: Clock
  /** SPIFFE ID, proven by the certificate of the connection. */
  readonly identity: string
  /** What the session may hold; closed by whoever opened it. */
  readonly account: Pick<SessionAccount, 'take' | 'give'>
  readonly acks: AckTracker
  /** The newest view; read anew for each resource, so that what waits is never outdated. */
  readonly view: () => ResourceView
  /** Judges the first message; an error refuses the sidecar with that reason. */
  readonly admit: (session: WatchSession, hello: Hello) => Result<void, string>
  /** The workload takes traffic, or takes none. */
  readonly onHealth: (session: WatchSession, ready: boolean) => void
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
}

interface Subscription {
  readonly kind: ResourceKind
  readonly name: string
  /** Version that the sidecar has, or was sent; undefined: none. */
  held: string | undefined
  sent: VersionedResource | undefined
}

const { subscriptionsPerSessionCount: MAX_SUBSCRIPTIONS } = PUSH_LIMITS
const SERVICE_NAME = new RegExp(QUALIFIED_NAME)

/**
 * One sidecar's stream, without the socket: hello, subscriptions, acknowledgements, keep-alive. Only names wait for a
 * slow reader, never bodies: what is sent is looked up when there is room, so that the newest version alone goes out and
 * memory is bounded by the number of subscriptions.
 */
export class WatchSession {
  readonly #deps: SessionDeps
  readonly #sink: LineSink
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #dirty = new Set<string>()
  #state: 'greeting' | 'live' | 'ended' = 'greeting'
  #workload: WorkloadRef
  #owesSynced = false
  #congested = false
  #timer: Timer | undefined

  constructor(deps: SessionDeps, sink: LineSink) {
    this.#deps = deps
    this.#sink = sink
    this.#workload = workloadRef(deps.identity, '')
    this.#timer = deps.clock.after(deps.pingTimeoutMs, () => this.end('no hello in time'), { background: true })
  }

  /** Its name is empty before the hello. */
  get workload(): WorkloadRef {
    return this.#workload
  }

  get isLive(): boolean {
    return this.#state === 'live'
  }

  /** Resources that the sidecar holds or waits for. */
  get subscriptions(): readonly {
    readonly kind: ResourceKind
    readonly name: string
    readonly held: string | undefined
  }[] {
    return [...this.#subscriptions.values()]
  }

  /** Names that wait to be sent. */
  get waitingCount(): number {
    return this.#dirty.size
  }

  /** Lines that arrived together; answers go out after the last of them, so that a resuming sidecar can say all that it holds first. */
  onLines(lines: readonly string[]): void {
    for (const line of lines) {
      if (this.#state === 'ended') return
      const done = this.#onLine(line)
      if (!done.ok) {
        this.end(done.error)
        return
      }
    }
    this.#flush()
  }

  /** The world changed: finds out what concerns this sidecar and sends it. */
  onViewChanged(): void {
    if (this.#state !== 'live') return
    const view = this.#deps.view()
    for (const [key, { kind, name, held }] of this.#subscriptions)
      if ((view.find(this.#workload, kind, name)?.version ?? ABSENT_VERSION) !== held) this.#dirty.add(key)
    this.#flush()
  }

  /** The sink has room again. */
  onDrain(): void {
    this.#congested = false
    this.#flush()
  }

  /** Ends the stream, with a reason when it is the sidecar's fault. Repeating it does nothing. */
  end(reason?: string): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#timer?.cancel()
    this.#dirty.clear()
    this.#sink.end(reason)
  }

  #onLine(line: string): Result<void, string> {
    const request = parseRequest(line)
    if (!request.ok) return request
    const message = request.value
    if (this.#state === 'greeting')
      return message.type === 'hello' ? this.#onHello(message) : err('the first message must be "hello"')
    switch (message.type) {
      case 'hello':
        return err('"hello" was said already')
      case 'subscribe':
        return this.#onSubscribe(message.kind, message.name, message.version)
      case 'unsubscribe':
        this.#unsubscribe(message.kind, message.name)
        return ok(undefined)
      case 'ack':
        if (this.#subscriptions.has(resourceKey(message.kind, message.name)))
          this.#deps.acks.acked(this.#workload, message.kind, message.name, message.version)
        return ok(undefined)
      case 'nack':
        this.#onNack(message)
        return ok(undefined)
      case 'health':
        this.#deps.onHealth(this, message.ready)
        return ok(undefined)
      case 'pong':
        this.#armPing()
        return ok(undefined)
    }
  }

  #onHello(hello: Hello): Result<void, string> {
    this.#workload = workloadRef(this.#deps.identity, hello.workload)
    const admitted = this.#deps.admit(this, hello)
    if (!admitted.ok) return admitted
    this.#state = 'live'
    this.#owesSynced = true
    for (const kind of ['Trust', 'Workload', 'Authorization', 'Telemetry'] as const) {
      const subscribed = this.#subscribe(kind, this.#ownName(kind), undefined)
      if (!subscribed.ok) return subscribed
    }
    this.#armPing()
    return ok(undefined)
  }

  #onSubscribe(kind: ResourceKind, name: string, version: string | undefined): Result<void, string> {
    const isPrivate = kind !== 'Service' && kind !== 'Endpoints'
    if (isPrivate && name !== this.#ownName(kind))
      return err(`${kind} "${name}" is not this workload's: it may have "${this.#ownName(kind)}"`)
    if (!isPrivate && !SERVICE_NAME.test(name)) return err(`${kind} "${name}" is not of the form namespace/name`)
    const subscribed = this.#subscribe(kind, name, version)
    if (!subscribed.ok) return subscribed
    // What a sidecar comes back with is what it serves with.
    if (version !== undefined && version !== ABSENT_VERSION) this.#deps.acks.acked(this.#workload, kind, name, version)
    this.#owesSynced = true
    return ok(undefined)
  }

  #subscribe(kind: ResourceKind, name: string, held: string | undefined): Result<void, string> {
    const key = resourceKey(kind, name)
    if (!this.#subscriptions.has(key)) {
      if (this.#subscriptions.size >= MAX_SUBSCRIPTIONS)
        return err(`more than ${MAX_SUBSCRIPTIONS} resources subscribed`)
      const taken = this.#deps.account.take(name)
      if (!taken.ok) return taken
    }
    this.#subscriptions.set(key, { kind, name, held, sent: undefined })
    this.#dirty.add(key)
    return ok(undefined)
  }

  #unsubscribe(kind: ResourceKind, name: string): void {
    const key = resourceKey(kind, name)
    if (this.#subscriptions.delete(key)) this.#deps.account.give(name)
    this.#dirty.delete(key)
    this.#deps.acks.dropped(this.#workload, kind, name)
  }

  /** The one name that a sidecar may have of the kinds that come without asking. */
  #ownName(kind: ResourceKind): string {
    if (kind === 'Trust') return this.#deps.view().trustDomain
    return kind === 'Telemetry' ? 'mesh' : this.#workload.name
  }

  #onNack(message: Extract<WatchRequest, { type: 'nack' }>): void {
    const { kind, name, version, reason } = message
    const subscription = this.#subscriptions.get(resourceKey(kind, name))
    if (subscription === undefined) return
    const manifests = subscription.sent?.version === version ? manifestsOf(subscription.sent.resource) : NO_MANIFESTS
    const refusal = { version, reason, manifests, atMs: this.#deps.clock.wallMs() }
    this.#deps.acks.nacked(this.#workload, kind, name, refusal)
  }

  #flush(): void {
    if (this.#state !== 'live') return
    for (const key of this.#dirty) {
      if (this.#congested) return
      this.#dirty.delete(key)
      const subscription = this.#subscriptions.get(key)
      if (subscription !== undefined) this.#answer(subscription)
    }
    if (this.#congested || !this.#owesSynced) return
    this.#owesSynced = false
    this.#write(toLine({ type: 'synced' } satisfies WatchEvent))
  }

  #answer(subscription: Subscription): void {
    const { kind, name } = subscription
    const found = this.#deps.view().find(this.#workload, kind, name)
    const version = found?.version ?? ABSENT_VERSION
    if (version === subscription.held) return
    subscription.held = version
    subscription.sent = found
    this.#write(found === undefined ? toLine({ type: 'delete', kind, name, version }) : putLine(found))
  }

  #write(line: string): void {
    assert(this.#state === 'live', 'only a live session writes')
    if (!this.#sink.write(line)) this.#congested = true
  }

  /** A ping may overtake the congestion: there is one at most, and a reader too slow for it is as good as gone. */
  #armPing(): void {
    const { clock, pingIntervalMs, pingTimeoutMs } = this.#deps
    this.#timer?.cancel()
    this.#timer = clock.after(
      pingIntervalMs,
      () => {
        this.#write(toLine({ type: 'ping' } satisfies WatchEvent))
        this.#timer = clock.after(pingTimeoutMs, () => this.end('no pong in time'), { background: true })
      },
      { background: true },
    )
  }
}

const NO_MANIFESTS: readonly string[] = []

/** Every sidecar that gets a resource gets the same octets: serialized once, gone with the resource. */
const putLines = new WeakMap<VersionedResource, string>()

function putLine(found: VersionedResource): string {
  let line = putLines.get(found)
  if (line === undefined) {
    const { version, resource } = found
    line = toLine({ type: 'put', kind: resource.kind, name: resource.name, version, resource } satisfies WatchEvent)
    putLines.set(found, line)
  }
  return line
}
