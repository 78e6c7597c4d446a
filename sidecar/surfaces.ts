import { rootsPemOf } from '../certs/bundle.ts'
import { toCertificatePem } from '../certs/certificate.ts'
import { ok, type Result } from '../certs/result.ts'
import { startAdminServer } from './admin/admin-server.ts'
import { toConfigSummary, toEndpointSummary } from './admin/config-summary.ts'
import type { LocalServer } from './admin/local-server.ts'
import { startProbeServer } from './admin/probe-server.ts'
import type { LoadState } from './balancing/load-state.ts'
import type { Bootstrap } from './config/bootstrap.ts'
import type { SnapshotStore } from './config/snapshot-store.ts'
import type { WatchClient } from './config-client/watch-client.ts'
import type { TimerWheel } from './core/timer-wheel.ts'
import type { Http1Counters } from './http1/http1-counters.ts'
import type { Http2Counters } from './http2/stream/http2-counters.ts'
import type { InboundLane } from './inbound/inbound-lane.ts'
import type { InboundProxy } from './inbound/inbound-proxy.ts'
import type { PlainInbound } from './inbound/plain-inbound.ts'
import type { CertificateRotation } from './mtls/certificate-rotation.ts'
import type { IdentityStore } from './mtls/identity-store.ts'
import type { OutboundProxy } from './outbound/outbound-proxy.ts'
import type { Reporting } from './reporting.ts'
import type { Seams } from './seams.ts'
import type { LinkPool } from './upstream/link-pool.ts'

/** Everything that a person, Prometheus or the kubelet may ask a sidecar about. */
export interface SurfaceDeps {
  readonly boot: Bootstrap
  readonly seams: Seams
  readonly snapshots: SnapshotStore
  readonly load: LoadState
  readonly identities: IdentityStore
  readonly rotation: CertificateRotation
  readonly watch: WatchClient
  readonly reporting: Reporting
  readonly links: LinkPool
  readonly inboundLane: InboundLane
  readonly inbound: InboundProxy
  readonly outbound: OutboundProxy
  readonly plain: PlainInbound
  readonly wheel: TimerWheel
  /** Of callers' requests, and of applications' responses. */
  readonly http1Counters: Readonly<Record<'request' | 'response', Http1Counters>>
  readonly http2Counters: Http2Counters
}

/** The admin port and the probe port. */
export class Surfaces {
  /** Set by the sidecar: begins the drain. */
  onDrain: () => void = () => undefined
  readonly #deps: SurfaceDeps
  readonly #servers: LocalServer[] = []
  #phase: 'starting' | 'ready' | 'draining' = 'starting'

  constructor(deps: SurfaceDeps) {
    this.#deps = deps
  }

  /** Binds both ports, or says why it can't. */
  async listen(ready: Promise<void>): Promise<Result<{ admin: number; probes: number }, string>> {
    const { boot, seams, snapshots, load, reporting } = this.#deps
    void ready.then(() => {
      if (this.#phase === 'starting') this.#phase = 'ready'
    })
    const admin = await startAdminServer(boot.admin, {
      config: () => toConfigSummary(snapshots.current),
      endpoints: () => toEndpointSummary(snapshots.current, load),
      certificates: () => this.#certificates(),
      decisions: () => reporting.recent.list(),
      drain: () => this.onDrain(),
      log: seams.log,
    })
    if (!admin.ok) return admin
    this.#servers.push(admin.value)
    const registry = { expose: (accept: string | undefined) => this.#expose(accept) }
    const probes = await startProbeServer(boot.probes, { metrics: registry, ready: () => this.#whyNotReady() })
    if (!probes.ok) return probes
    this.#servers.push(probes.value)
    return ok({ admin: admin.value.port, probes: probes.value.port })
  }

  /** Not ready any more: no new traffic, please. */
  setDraining(): void {
    this.#phase = 'draining'
    this.#deps.reporting.metrics.isDraining.series({}).set(1)
  }

  /** Closes both ports. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()))
  }

  /** What readiness waits for, and why that does not come; undefined when ready. */
  #whyNotReady(): string | undefined {
    if (this.#phase !== 'starting') return this.#phase === 'ready' ? undefined : 'draining'
    const { identities, rotation, watch } = this.#deps
    const trouble = identities.current === undefined ? rotation.state.lastError : watch.status.trouble
    const what = identities.current === undefined ? 'a certificate' : 'the first snapshot'
    return trouble === undefined ? `waiting for ${what}` : `waiting for ${what}: ${trouble}`
  }

  #certificates(): object {
    const { identities, rotation } = this.#deps
    const identity = identities.current
    return {
      identity: identity?.id.text,
      notAfter: identity === undefined ? undefined : new Date(identity.notAfterMs).toISOString(),
      chainPem: identity?.chain.map(toCertificatePem),
      rootsPem: identity === undefined ? undefined : rootsPemOf(identity.bundle),
      rotation: rotation.state,
    }
  }

  /** Gauges are read when somebody looks. */
  #expose(accept: string | undefined): ReturnType<Reporting['registry']['expose']> {
    const { seams, snapshots, load, identities, rotation, watch, reporting, links, inboundLane, inbound, outbound } =
      this.#deps
    const { plain, http1Counters, http2Counters } = this.#deps
    const { metrics, registry } = reporting
    const stale = watch.status.staleSinceMs
    metrics.snapshotGeneration.series({}).set(snapshots.current.generation)
    metrics.staleSeconds.series({}).set(stale === undefined ? 0 : (seams.clock.nowMs() - stale) / 1_000)
    metrics.certificateNotAfter.series({}).set((identities.current?.notAfterMs ?? 0) / 1_000)
    metrics.openConnections.series({ direction: 'outbound', kind: 'app' }).set(outbound.connectionCount)
    metrics.openConnections.series({ direction: 'outbound', kind: 'link' }).set(links.counts.links)
    metrics.openConnections.series({ direction: 'inbound', kind: 'link' }).set(inbound.counts.links)
    metrics.openConnections.series({ direction: 'inbound', kind: 'plain' }).set(plain.connectionCount)
    metrics.openConnections.series({ direction: 'inbound', kind: 'upstream' }).set(inboundLane.connectionCount)
    metrics.openStreams.series({ direction: 'outbound' }).set(links.counts.streams)
    metrics.openStreams.series({ direction: 'inbound' }).set(inbound.counts.streams)
    metrics.watchLosses.series({}).set(watch.status.lossCount)
    for (const [message, counters] of Object.entries(http1Counters)) {
      for (const [limit, count] of Object.entries(counters))
        metrics.http1Defences.series({ message, limit: toLabel(limit) }).set(count)
    }
    for (const [limit, count] of Object.entries(http2Counters))
      metrics.http2Defences.series({ limit: toLabel(limit) }).set(count)
    metrics.certificateRenewals.series({ outcome: 'success' }).set(rotation.state.renewalCount)
    metrics.certificateRenewals.series({ outcome: 'failure' }).set(rotation.state.totalFailureCount)
    for (const { name, endpoints } of snapshots.current.endpoints.values()) {
      const ejected = endpoints.filter((endpoint) => load.isEjected(endpoint)).length
      metrics.ejectedEndpoints.series({ service: name }).set(ejected)
      metrics.ejections.series({ service: name }).set(load.ejectionCount(name))
    }
    return registry.expose(accept)
  }
}

/** `rapidReset` → `rapid-reset`, as other label values are written. */
const toLabel = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
