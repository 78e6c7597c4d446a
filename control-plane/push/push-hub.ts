import { err, ok, type Result } from '../../certs/result.ts'
import type { Registration } from '../../sidecar/config/watch-protocol.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import type { Instance } from '../registry/registry.ts'
import { whyNotServe } from '../world/may-serve.ts'
import { toInstance } from '../world/to-instance.ts'
import type { WorkloadRef } from '../world/workload-ref.ts'
import type { Workload, World } from '../world/world.ts'
import { AckTracker } from './ack-tracker.ts'
import type { InstanceRegistrar } from './instance-registrar.ts'
import type { ResourceView } from './resource-source.ts'
import { SessionLedger } from './session-ledger.ts'
import { type Hello, type LineSink, WatchSession } from './watch-session.ts'

/** Who is at the other end of a stream, proven by its certificate. */
export interface PeerIdentity {
  readonly spiffeId: string
  readonly namespace: string
  readonly serviceAccount: string
  /** When its certificates end, wall clock, ms since the epoch. */
  readonly notAfterMs: number
}

/** A workload whose sidecar is connected to this control plane. */
export interface ConnectedWorkload {
  readonly ref: WorkloadRef
  readonly peer: PeerIdentity
  readonly serves: readonly Registration[]
  readonly isReady: boolean
  /** Version of the sidecar's program. */
  readonly version: string
  /** Wall clock, ms since the epoch. */
  readonly sinceMs: number
  readonly session: WatchSession
}

export interface HubDeps {
  readonly clock: Clock
  readonly registrar: Pick<InstanceRegistrar, 'attach' | 'detach' | 'release' | 'setReady'>
  /** What the mesh is, as far as this control plane knows; undefined before it has seen all of it. */
  readonly world: () => World | undefined
  /** The newest view. */
  readonly view: () => ResourceView
  /** A workload came, or says other things about itself than before. */
  readonly onWorkloads: () => void
  /** For the log: a sidecar came or went, or what it says of itself was refused, and why. */
  readonly onSidecar: (what: 'connected' | 'gone' | 'refused', of: { readonly [name: string]: string }) => void
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
}

/** All sidecars connected to this control plane: admits them, tells them what changes, keeps what they acknowledge. */
export class PushHub {
  /** Last acknowledged and refused versions. */
  readonly acks = new AckTracker()
  readonly #deps: HubDeps
  readonly #ledger = new SessionLedger()
  /** By the key of their `WorkloadRef`, as the next. */
  readonly #workloads = new Map<string, ConnectedWorkload>()
  readonly #asWorkloads = new Map<string, Workload>()
  readonly #greeting = new Set<WatchSession>()
  #isClosed = false

  constructor(deps: HubDeps) {
    this.#deps = deps
  }

  /** Connected workloads, by name and identity. */
  get workloads(): readonly ConnectedWorkload[] {
    return [...this.#workloads.values()].sort((a, b) => byText(a.ref.name, b.ref.name) || byText(a.ref.key, b.ref.key))
  }

  /** What connected workloads say of themselves; changes as they come and go. */
  get asWorkloads(): ReadonlyMap<string, Workload> {
    return this.#asWorkloads
  }

  find({ key }: WorkloadRef): ConnectedWorkload | undefined {
    return this.#workloads.get(key)
  }

  /** Begins the session of one stream; `closed` must be called when the stream is gone. The error: there are too many. */
  open(
    peer: PeerIdentity,
    sink: LineSink,
  ): Result<{ readonly session: WatchSession; readonly closed: () => void }, string> {
    const { clock, view, pingIntervalMs, pingTimeoutMs } = this.#deps
    const account = this.#ledger.open(peer.spiffeId)
    if (!account.ok) return account
    const session = new WatchSession(
      {
        clock,
        identity: peer.spiffeId,
        account: account.value,
        acks: this.acks,
        view,
        admit: (of, hello) => this.#admit(of, peer, hello),
        onHealth: (of, ready) => this.#onHealth(of, ready),
        pingIntervalMs,
        pingTimeoutMs,
      },
      sink,
    )
    this.#greeting.add(session)
    const closed = (): void => {
      account.value.close()
      this.#onClosed(session)
    }
    return ok({ session, closed })
  }

  /** The world is another: sends away whoever may not serve any more what it serves, and lets every other session look. */
  onWorld(): void {
    for (const workload of this.#workloads.values()) {
      const because = this.#whyNotServe(workload.peer, workload.serves)
      if (because === undefined) continue
      // It goes on serving who is connected to it; nobody is led to it from now on.
      this.#leave(workload)
      this.#deps.registrar.release(workload.ref)
      const { ref, peer } = workload
      this.#deps.onSidecar('refused', { workload: ref.name, identity: peer.spiffeId, reason: because })
      workload.session.end(because)
    }
    for (const { session } of this.#workloads.values()) session.onViewChanged()
  }

  /** Ends all sessions. The sidecars come back elsewhere, or later: what they serve stays registered. */
  close(): void {
    this.#isClosed = true
    for (const session of this.#greeting) session.end()
    for (const { session } of this.#workloads.values()) session.end()
  }

  #admit(session: WatchSession, peer: PeerIdentity, hello: Hello): Result<void, string> {
    if (this.#isClosed) return err('the control plane is stopping')
    const refusal = whyRefused(peer, hello) ?? this.#whyNotServe(peer, hello.serves)
    if (refusal !== undefined) return this.#refuse(peer, hello, refusal)
    const ref = session.workload
    const instances: Instance[] = []
    for (const registration of hello.serves) {
      const instance = toInstance(ref.name, ref.identity, registration)
      if (!instance.ok) return this.#refuse(peer, hello, instance.error)
      instances.push(instance.value)
    }
    const attached = this.#deps.registrar.attach(ref, instances)
    if (!attached.ok) return this.#refuse(peer, hello, attached.error)
    const earlier = this.#workloads.get(ref.key)
    const { serves, version } = hello
    const sinceMs = this.#deps.clock.wallMs()
    this.#workloads.set(ref.key, { ref, peer, serves, isReady: true, version, sinceMs, session })
    this.#asWorkloads.set(ref.key, toWorkload(peer, hello))
    this.#greeting.delete(session)
    // A sidecar that reconnects may be faster than the end of its old stream. What it holds it says anew.
    earlier?.session.end('the workload has connected anew')
    this.acks.forget(ref)
    this.#deps.onWorkloads()
    this.#deps.onSidecar('connected', { workload: ref.name, identity: peer.spiffeId, version })
    return ok(undefined)
  }

  #refuse({ spiffeId }: PeerIdentity, { workload }: Hello, reason: string): Result<void, string> {
    this.#deps.onSidecar('refused', { workload, identity: spiffeId, reason })
    return err(reason)
  }

  /** Why not all of that may be served by this identity; also when there is nothing yet to judge by. */
  #whyNotServe(peer: PeerIdentity, serves: readonly Registration[]): string | undefined {
    if (serves.length === 0) return undefined
    const world = this.#deps.world()
    if (world === undefined) return 'this control plane does not know the mesh yet'
    for (const { service } of serves) {
      const because = whyNotServe(world, peer.spiffeId, service)
      if (because !== undefined) return because
    }
    return undefined
  }

  #onHealth(session: WatchSession, isReady: boolean): void {
    const workload = this.#workloads.get(session.workload.key)
    if (workload?.session !== session) return
    this.#workloads.set(workload.ref.key, { ...workload, isReady })
    this.#deps.registrar.setReady(workload.ref, isReady)
  }

  #onClosed(session: WatchSession): void {
    session.end()
    this.#greeting.delete(session)
    const workload = this.#workloads.get(session.workload.key)
    if (workload?.session !== session) return
    this.#leave(workload)
    this.#deps.onSidecar('gone', { workload: workload.ref.name, identity: workload.peer.spiffeId })
    if (!this.#isClosed) this.#deps.registrar.detach(workload.ref)
  }

  #leave({ ref }: ConnectedWorkload): void {
    this.#workloads.delete(ref.key)
    this.#asWorkloads.delete(ref.key)
    this.acks.forget(ref)
  }
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const toWorkload = ({ spiffeId, namespace, serviceAccount }: PeerIdentity, { workload, serves }: Hello): Workload => ({
  identity: spiffeId,
  namespace,
  name: workload.slice(namespace.length + 1),
  serviceAccount,
  labels: serves[0]?.labels ?? {},
  serves: serves.map(({ service, port, appPort, protocol }) => ({ service, port, appPort, protocol })),
})

/** The reason to refuse a sidecar for what it calls itself, or undefined. */
function whyRefused(peer: PeerIdentity, hello: Hello): string | undefined {
  if (!hello.workload.startsWith(`${peer.namespace}/`))
    return `workload "${hello.workload}" is not in namespace "${peer.namespace}" of the certificate (${peer.spiffeId})`
  for (const { service } of hello.serves) {
    if (!service.startsWith(`${peer.namespace}/`))
      return `service "${service}" is not in namespace "${peer.namespace}" of the certificate (${peer.spiffeId})`
  }
  return undefined
}
