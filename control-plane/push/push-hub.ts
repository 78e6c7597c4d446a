import { err, ok, type Result } from '../../certs/result.ts'
import type { Registration } from '../../sidecar/config/watch-protocol.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import type { Instance } from '../registry/registry.ts'
import { toInstance } from '../world/to-instance.ts'
import type { Workload } from '../world/world.ts'
import { AckTracker } from './ack-tracker.ts'
import type { InstanceRegistrar } from './instance-registrar.ts'
import type { ResourceView } from './resource-source.ts'
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
  /** `namespace/name`. */
  readonly name: string
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
  readonly registrar: Pick<InstanceRegistrar, 'attach' | 'detach' | 'setReady'>
  /** The newest view. */
  readonly view: () => ResourceView
  /** A workload came, or says other things about itself than before. */
  readonly onWorkloads: () => void
  readonly pingIntervalMs: number
  readonly pingTimeoutMs: number
}

/** Services that one workload may serve. */
const MAX_REGISTRATIONS = 64
const QUALIFIED_NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** All sidecars connected to this control plane: admits them, tells them what changes, keeps what they acknowledge. */
export class PushHub {
  /** Last acknowledged and refused versions. */
  readonly acks = new AckTracker()
  readonly #deps: HubDeps
  readonly #workloads = new Map<string, ConnectedWorkload>()
  readonly #asWorkloads = new Map<string, Workload>()
  readonly #greeting = new Set<WatchSession>()
  #isClosed = false

  constructor(deps: HubDeps) {
    this.#deps = deps
  }

  /** Connected workloads, by name. */
  get workloads(): readonly ConnectedWorkload[] {
    return [...this.#workloads.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** What connected workloads say of themselves; changes as they come and go. */
  get asWorkloads(): ReadonlyMap<string, Workload> {
    return this.#asWorkloads
  }

  find(workload: string): ConnectedWorkload | undefined {
    return this.#workloads.get(workload)
  }

  /** Begins the session of one stream; `closed` must be called when the stream is gone. */
  open(peer: PeerIdentity, sink: LineSink): { readonly session: WatchSession; readonly closed: () => void } {
    const { clock, view, pingIntervalMs, pingTimeoutMs } = this.#deps
    const session = new WatchSession(
      {
        clock,
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
    return { session, closed: () => this.#onClosed(session) }
  }

  /** Tells every session to look at the newest view. */
  broadcast(): void {
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
    const earlier = this.#workloads.get(hello.workload)
    const refusal = whyRefused(peer, hello, earlier)
    if (refusal !== undefined) return err(refusal)
    const instances: Instance[] = []
    for (const registration of hello.serves) {
      const instance = toInstance(hello.workload, peer.spiffeId, registration)
      if (!instance.ok) return instance
      instances.push(instance.value)
    }
    this.#workloads.set(hello.workload, {
      name: hello.workload,
      peer,
      serves: hello.serves,
      isReady: true,
      version: hello.version,
      sinceMs: this.#deps.clock.wallMs(),
      session,
    })
    this.#asWorkloads.set(hello.workload, toWorkload(peer, hello))
    this.#greeting.delete(session)
    // A sidecar that reconnects may be faster than the end of its old stream.
    earlier?.session.end('the workload has connected anew')
    this.#deps.registrar.attach(hello.workload, instances)
    this.#deps.onWorkloads()
    return ok(undefined)
  }

  #onHealth(session: WatchSession, isReady: boolean): void {
    const workload = this.#workloads.get(session.workload)
    if (workload?.session !== session) return
    this.#workloads.set(workload.name, { ...workload, isReady })
    this.#deps.registrar.setReady(workload.name, isReady)
  }

  #onClosed(session: WatchSession): void {
    session.end()
    this.#greeting.delete(session)
    const workload = this.#workloads.get(session.workload)
    if (workload?.session !== session) return
    this.#workloads.delete(workload.name)
    this.#asWorkloads.delete(workload.name)
    this.acks.forget(workload.name)
    if (!this.#isClosed) this.#deps.registrar.detach(workload.name)
  }
}

const toWorkload = ({ namespace, serviceAccount }: PeerIdentity, { workload, serves }: Hello): Workload => ({
  namespace,
  name: workload.slice(namespace.length + 1),
  serviceAccount,
  labels: serves[0]?.labels ?? {},
  serves: serves.map(({ service, port, appPort, protocol }) => ({ service, port, appPort, protocol })),
})

/** The reason to refuse a sidecar, or undefined. A name belongs to the identity that uses it as long as that is connected. */
function whyRefused(peer: PeerIdentity, hello: Hello, holder: ConnectedWorkload | undefined): string | undefined {
  if (!QUALIFIED_NAME.test(hello.workload)) return `workload "${hello.workload}" is not of the form namespace/name`
  if (!hello.workload.startsWith(`${peer.namespace}/`))
    return `workload "${hello.workload}" is not in namespace "${peer.namespace}" of the certificate (${peer.spiffeId})`
  if (holder !== undefined && holder.peer.spiffeId !== peer.spiffeId)
    return `workload "${hello.workload}" is connected as ${holder.peer.spiffeId}, not as ${peer.spiffeId}`
  if (hello.serves.length > MAX_REGISTRATIONS) return `a workload may serve at most ${MAX_REGISTRATIONS} ports`
  for (const { service } of hello.serves) {
    if (!QUALIFIED_NAME.test(service)) return `service "${service}" is not of the form namespace/name`
    if (!service.startsWith(`${peer.namespace}/`))
      return `service "${service}" is not in namespace "${peer.namespace}" of the certificate (${peer.spiffeId})`
  }
  return undefined
}
