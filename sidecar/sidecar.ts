import { ok, type Result } from '../certs/result.ts'
import { LoadState } from './balancing/load-state.ts'
import { ProtocolMemory } from './capture/protocol-memory.ts'
import type { Bootstrap } from './config/bootstrap.ts'
import { SnapshotStore } from './config/snapshot-store.ts'
import { ControlChannel } from './config-client/control-channel.ts'
import { ControlPlaneSigner } from './config-client/control-plane-signer.ts'
import { Discovery } from './config-client/discovery.ts'
import { followTrust } from './config-client/follow-trust.ts'
import { LastGoodFile } from './config-client/last-good-file.ts'
import { WatchClient } from './config-client/watch-client.ts'
import { http1Dialer } from './connection/http1-dial.ts'
import { sleep } from './core/clock.ts'
import { TimerWheel } from './core/timer-wheel.ts'
import { http1Counters } from './http1/http1-counters.ts'
import { http2Counters } from './http2/stream/http2-counters.ts'
import { InboundLane } from './inbound/inbound-lane.ts'
import { InboundProxy } from './inbound/inbound-proxy.ts'
import { PlainInbound } from './inbound/plain-inbound.ts'
import { CertificateRotation } from './mtls/certificate-rotation.ts'
import { loadIdentity } from './mtls/identity-file.ts'
import { keepIdentity } from './mtls/identity-keeper.ts'
import { IdentityStore } from './mtls/identity-store.ts'
import { OutboundLane } from './outbound/outbound-lane.ts'
import { OutboundProxy } from './outbound/outbound-proxy.ts'
import type { ExchangeDeps, LaneDeps } from './pipeline/lane-deps.ts'
import { Reporting } from './reporting.ts'
import { ReplayBuffer, ReplayMemory } from './resilience/replay-buffer.ts'
import type { Seams } from './seams.ts'
import {
  type BoundPorts,
  bind,
  firstIdentity,
  identityOf,
  readBundle,
  readJoinToken,
  registrations,
  sweepPools,
} from './startup.ts'
import { Surfaces } from './surfaces.ts'
import { AppPool } from './upstream/app-pool.ts'
import { createH2cDialer } from './upstream/dial-h2c.ts'
import { createLinkDialer } from './upstream/dial-link.ts'
import { LinkPool } from './upstream/link-pool.ts'

/** Spans that wait when the sidecar ends are given this long. */
const FLUSH_TIMEOUT_MS = 1_000

/** A running sidecar. */
export class Sidecar {
  readonly #parts: Parts
  readonly #seams: Seams
  #drained: Promise<void> | undefined
  readonly #closed = Promise.withResolvers<void>()

  constructor(parts: Parts, seams: Seams) {
    this.#parts = parts
    this.#seams = seams
  }

  /** Resolves when it has ended, whoever asked for it: a signal, or the admin port. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Ports as they were bound. */
  get ports(): Ports {
    return this.#parts.ports
  }

  /** Resolves when there are a certificate and a complete snapshot, and traffic flows. */
  get ready(): Promise<void> {
    return this.#parts.ready
  }

  /**
   * Stops without losing a request: out of every endpoint list; after a while GOAWAY and
   * `Connection: close`; what is in flight finishes, up to the timeout. Called again, answers the first call's promise.
   */
  drain(delayMs: number, timeoutMs: number): Promise<void> {
    this.#drained ??= this.#drain(delayMs, timeoutMs)
    return this.#drained
  }

  async #drain(delayMs: number, timeoutMs: number): Promise<void> {
    const { watch, surfaces, inbound, outbound, plain } = this.#parts
    const { clock, log } = this.#seams
    log.info('draining', { delayMs, timeoutMs })
    surfaces.setDraining()
    watch.setHealthy(false)
    await sleep(clock, delayMs)
    inbound.drain()
    outbound.drain()
    plain.drain()
    const endMs = clock.nowMs() + timeoutMs
    while (clock.nowMs() < endMs && inbound.counts.links + outbound.activeCount + plain.activeCount > 0)
      await sleep(clock, 20)
    const left = inbound.counts.streams + outbound.activeCount + plain.activeCount
    if (left > 0) log.warn('drain timed out', { exchangesBrokenOff: left })
    await this.close()
  }

  /** Ends everything now. */
  async close(): Promise<void> {
    const { watch, inbound, outbound, plain, pools, rotation, lastGood, surfaces, reporting, disposables } = this.#parts
    rotation[Symbol.dispose]()
    await Promise.all([outbound.close(), inbound.close(), plain.close()])
    for (const pool of pools) pool.destroy()
    await watch.close()
    for (const disposable of disposables) disposable[Symbol.dispose]()
    await Promise.all([lastGood.close(), surfaces.close(), reporting.close(FLUSH_TIMEOUT_MS)])
    this.#closed.resolve()
  }
}

/** Every port as it was bound. */
interface Ports extends BoundPorts {
  readonly admin: number
  readonly probes: number
}

interface Parts {
  readonly ports: Ports
  readonly ready: Promise<void>
  readonly watch: WatchClient
  readonly rotation: CertificateRotation
  readonly lastGood: LastGoodFile
  readonly pools: readonly { destroy(): void }[]
  readonly outbound: OutboundProxy
  readonly inbound: InboundProxy
  readonly plain: PlainInbound
  readonly reporting: Reporting
  readonly surfaces: Surfaces
  readonly disposables: readonly Disposable[]
}

/** Everything is built here and nowhere else; read down to follow a request outwards. The error is for the person who started it. */
export async function startSidecar(boot: Bootstrap, seams: Seams): Promise<Result<Sidecar, string>> {
  const { clock, random, log } = seams
  const id = identityOf(boot)
  if (!id.ok) return id
  const bundle = await readBundle(boot.bundleFile, boot.trustDomain)
  if (!bundle.ok) return bundle

  // what the mesh has told us, and who we are: from the disk first, so that we serve while the control plane is away
  const lastGood = new LastGoodFile({
    directory: boot.stateDirectory,
    clock,
    onTrouble: (reason) => log.warn('last good snapshot', { reason }),
  })
  const loaded = await lastGood.load()
  const loadTrouble = loaded.ok ? loaded.value?.note : loaded.error
  if (loadTrouble !== undefined) log.warn('last good snapshot', { reason: loadTrouble })
  const snapshots = new SnapshotStore(loaded.ok ? loaded.value?.snapshot : undefined)
  lastGood.follow(snapshots)
  const identities = new IdentityStore()
  const keeper = keepIdentity(identities, boot.stateDirectory, (reason) => log.warn('identity not kept', { reason }))
  const kept = await loadIdentity(boot.stateDirectory, id.value, clock.wallMs())
  if (!kept.ok) log.warn('identity not loaded', { reason: kept.error })
  else if (kept.value !== undefined) identities.replace(kept.value)

  // what requests share, and where bytes leave
  const wheel = new TimerWheel(clock)
  const replayMemory = new ReplayMemory()
  const exchangeDeps: ExchangeDeps = { clock, wheel, newReplayBuffer: () => new ReplayBuffer(replayMemory) }
  const load = new LoadState(snapshots, clock, random)
  const reporting = new Reporting(boot, seams, snapshots)
  const laneDeps: LaneDeps = {
    snapshots,
    load,
    clock,
    wheel,
    random,
    tracing: reporting.tracing,
    recent: reporting.recent,
    onRecord: reporting.onRecord,
    onRetryRefused: reporting.onRetryRefused,
  }
  const counters = http2Counters()
  const http1Defences = { request: http1Counters(), response: http1Counters() }
  const links = new LinkPool(createLinkDialer({ identities, clock, wheel, log, counters }), clock)
  const apps = new AppPool(http1Dialer(wheel, http1Defences.response), clock)

  // application → mesh, and mesh → application
  const discovery = new Discovery({
    watch: {
      want: (kind, name) => watch.want(kind, name),
      unwant: (kind, name) => watch.unwant(kind, name),
    },
    store: snapshots,
    clock,
    namespace: boot.workload.split('/')[0] ?? '',
  })
  const outbound = new OutboundProxy({
    ...exchangeDeps,
    lane: new OutboundLane(laneDeps, links, apps),
    counters,
    http1Counters: http1Defences.request,
    protocols: new ProtocolMemory((port, protocol) => reporting.onProtocol('outbound', port, protocol)),
    discovery,
  })
  const http2Apps = new LinkPool(createH2cDialer({ clock, wheel, counters }), clock)
  const inboundLane = new InboundLane(laneDeps, apps, http2Apps, boot.appHost)
  const inbound = new InboundProxy({
    ...exchangeDeps,
    identities,
    lane: inboundLane,
    log,
    counters,
    onRefusedPeer: reporting.onRefusedPeer,
  })
  const plain = new PlainInbound({
    ...exchangeDeps,
    lane: inboundLane,
    counters,
    http1Counters: http1Defences.request,
    protocols: new ProtocolMemory((port, protocol) => reporting.onProtocol('inbound', port, protocol)),
  })
  const bound = await bind(boot, outbound, inbound, plain)
  if (!bound.ok) {
    await Promise.all([outbound.close(), inbound.close(), plain.close()])
    return bound
  }

  // the control plane
  const channel = new ControlChannel({ clock, identities, bundle: bundle.value, addresses: boot.controlPlanes })
  const signer = new ControlPlaneSigner({
    channel,
    identities,
    clock,
    readToken: () => readJoinToken(boot.joinTokenFile),
  })
  const rotation = new CertificateRotation({
    id: id.value,
    store: identities,
    signer,
    clock,
    random,
    onTrouble: (reason) => log.warn('no certificate was signed', { reason }),
  })
  const watch = new WatchClient({
    channel,
    identities,
    store: snapshots,
    clock,
    random,
    trustDomain: boot.trustDomain,
    workload: boot.workload,
    version: seams.version,
    serves: registrations(boot, bound.value.inbound),
    onStatus: (status) => {
      if (status.connected) log.info('control plane connected')
      else log.warn('control plane lost', { reason: status.trouble })
    },
    onRejected: (kind, name, reason) => {
      reporting.onRejected(kind)
      log.warn('resource refused', { kind, name, reason })
    },
  })
  for (const { service } of boot.upstreams) {
    void watch.want('Service', service)
    void watch.want('Endpoints', service)
  }

  const disposables: Disposable[] = [
    keeper,
    load,
    followTrust(snapshots, identities, (reason) => log.warn('roots refused', { reason })),
  ]
  disposables.push(identities.subscribe(() => links.renewAll()))
  disposables.push(sweepPools({ links, http2Apps }, snapshots, clock))
  const ready = Promise.all([watch.waitReady(), firstIdentity(identities)]).then(() => {
    outbound.open()
    plain.open()
  })
  const surfaces = new Surfaces({
    boot,
    seams,
    snapshots,
    load,
    identities,
    rotation,
    watch,
    reporting,
    links,
    inboundLane,
    inbound,
    outbound,
    plain,
    wheel,
    http1Counters: http1Defences,
    http2Counters: counters,
  })
  const parts: Parts = {
    ports: { ...bound.value, admin: 0, probes: 0 },
    ready,
    watch,
    rotation,
    lastGood,
    pools: [links, apps, http2Apps],
    outbound,
    inbound,
    plain,
    reporting,
    surfaces,
    disposables,
  }
  const opened = await surfaces.listen(ready)
  if (!opened.ok) {
    await new Sidecar(parts, seams).close()
    return opened
  }
  const sidecar = new Sidecar({ ...parts, ports: { ...bound.value, ...opened.value } }, seams)
  surfaces.onDrain = () => void sidecar.drain(boot.drainDelayMs, boot.drainTimeoutMs)
  rotation.start()
  watch.start()
  void ready.then(() => log.info('ready', { workload: boot.workload, identity: id.value.text }))
  return ok(sidecar)
}
