import { randomUUID } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { join } from 'node:path'
import { err, ok, type Result } from '../certs/result.ts'
import { parseTrustDomain } from '../certs/spiffe-id.ts'
import type { TrustResource } from '../sidecar/config/resources.ts'
import { LIMITS } from '../sidecar/core/limits.ts'
import { listenProblem } from '../sidecar/core/listen-problem.ts'
import { type ApiMount, ApiServer } from './api/api-server.ts'
import { manifestRoutes } from './api/manifest-routes.ts'
import { ManifestStore } from './api/manifest-store.ts'
import { meshRoutes } from './api/mesh-routes.ts'
import { tokenRoutes } from './api/token-routes.ts'
import { Authority } from './authority/authority.ts'
import { JoinTokens } from './authority/join-tokens.ts'
import { openSealKey } from './authority/seal-key-file.ts'
import { ServerCertificate } from './authority/server-certificate.ts'
import { LEAST_LEAF_LIFETIME_MS } from './authority/sign-leaf.ts'
import { createSigning } from './authority/signing.ts'
import { writeBundleFile } from './bundle-file.ts'
import { compileView } from './compile/compile-view.ts'
import type {
  ControlPlaneOptions,
  ControlPlaneSeams,
  ControlPlaneTimes,
  StartProblem,
} from './control-plane-options.ts'
import { createJaegerProxy } from './dashboard/jaeger-proxy.ts'
import { makeDataDirectory } from './data-directory.ts'
import { CheckedView } from './push/checked-view.ts'
import { InstanceRegistrar } from './push/instance-registrar.ts'
import { peerOf } from './push/peer-of.ts'
import { PushHub } from './push/push-hub.ts'
import { PushServer } from './push/push-server.ts'
import type { ResourceView } from './push/resource-source.ts'
import { WorldSource } from './push/world-source.ts'
import { openRegistry } from './registry/open-registry.ts'
import { startControlPlaneTracing } from './telemetry/node-sdk.ts'

/** A running control plane. */
export interface ControlPlane extends AsyncDisposable {
  /** Ports as they were bound. */
  readonly ports: { readonly push: number; readonly api: number }
  /** The root bundle that sidecars begin with. */
  readonly bundleFile: string
  readonly trust: TrustResource
  readonly tokens: Pick<JoinTokens, 'create' | 'revoke'>
  /** Ends in order: sidecars are sent away, what they serve stays registered. */
  close(): Promise<void>
}

const TIMES: ControlPlaneTimes = {
  instanceTtlMs: 15_000,
  heartbeatMs: 5_000,
  graceMs: 2_000,
  settleMs: 5_000,
  debounceMs: 20,
  maxDebounceMs: 200,
  pingIntervalMs: LIMITS.linkPingIntervalMs,
  pingTimeoutMs: LIMITS.linkPingTimeoutMs,
}
const TELEMETRY = { samplingRatio: 0.01, otlpEndpoint: undefined, accessLog: 'errors' } as const
/** Whoever waits for the authority's lock or for streams to end waits this long. */
const LOCK_TIMEOUT_MS = 30_000
const CLOSE_GRACE_MS = 2_000

/** Everything is built here and nowhere else: what is stored, who signs, what the mesh is, who is told, who may ask. */
export async function startControlPlane(
  options: ControlPlaneOptions,
  seams: ControlPlaneSeams,
): Promise<Result<ControlPlane, StartProblem>> {
  await using cleanup = new AsyncDisposableStack()
  const { clock, random, log, version } = seams
  const times = { ...TIMES, ...options.times }
  const misuse = misuseOf(options)
  if (misuse !== undefined) return problem('usage', misuse)
  const { adminToken } = options
  const jaeger = options.jaegerUrl === undefined ? ok(undefined) : createJaegerProxy(options.jaegerUrl)
  if (!jaeger.ok) return problem('usage', jaeger.error)
  const tracing = await startControlPlaneTracing({
    endpoint: options.otlpEndpoint,
    instanceId: randomUUID(),
    version,
    clock,
  })
  cleanup.defer(() => tracing.close(CLOSE_GRACE_MS))

  // what is stored
  const directory = await makeDataDirectory(options.dataDirectory)
  if (!directory.ok) return problem('input', directory.error)
  const { consulToken } = options
  const opened = await openRegistry(options.registryUrl, {
    clock,
    random,
    ...(consulToken === undefined ? {} : { consulToken }),
  })
  if (!opened.ok) return problem(registryKind(options.registryUrl), opened.error)
  const registry = cleanup.use(opened.value)
  const prefix = `outrigger/${options.mesh ?? 'default'}/`

  // who signs
  const sealKey = await openSealKey(options.sealKeyFile ?? join(options.dataDirectory, 'seal.key'))
  if (!sealKey.ok) return problem('input', sealKey.error)
  const { trustDomain, leafLifetimeMs } = options
  const authority = await Authority.open(
    {
      registry,
      keyPrefix: `${prefix}authority/`,
      trustDomain,
      sealKey: sealKey.value,
      clock,
      random,
      ...(leafLifetimeMs === undefined ? {} : { leafLifetimeMs }),
    },
    AbortSignal.timeout(LOCK_TIMEOUT_MS),
  )
  if (!authority.ok) return problem('unavailable', `The registry ${registry.description}: ${authority.error}`)
  cleanup.use(authority.value)
  const tokens = cleanup.use(new JoinTokens(registry, `${prefix}join-tokens/`, clock))
  const certificate = cleanup.use(new ServerCertificate(authority.value, clock, random))
  const bundleFile = join(options.dataDirectory, 'bundle.pem')
  const written = await writeBundleFile(bundleFile, authority.value.trust.rootsPem)
  if (!written.ok) return problem('input', written.error)

  // what the mesh is
  let view: ResourceView | undefined
  const viewNow = (): ResourceView => view ?? checked.check(compileView(source.world, hub.asWorkloads))
  const source: WorldSource = new WorldSource({
    registry,
    clock,
    manifestPrefix: `${prefix}manifests/`,
    instancePrefix: `${prefix}instances/`,
    trust: () => ({ trustDomain, rootsPem: authority.value.trust.rootsPem, sequence: authority.value.trust.sequence }),
    telemetryDefaults: options.telemetry ?? TELEMETRY,
    debounce: { quietMs: times.debounceMs, maxMs: times.maxDebounceMs },
    settleMs: times.settleMs,
    onWorld: (world) => {
      view = checked.check(compileView(world, hub.asWorkloads))
      hub.onWorld()
    },
    onNote: (note) => log.warn('registry', { note }),
  })
  cleanup.defer(() => source.stop())

  // who is told
  const registrar = new InstanceRegistrar({
    registry,
    clock,
    times: { ttlMs: times.instanceTtlMs, heartbeatMs: times.heartbeatMs, graceMs: times.graceMs },
    prefix: `${prefix}instances/`,
    replica: randomUUID(),
    onAvailability: (available, detail) => source.report('heartbeats', available, detail),
    onGone: (id) => source.forget(id),
  })
  cleanup.defer(() => registrar.stop())
  const { pingIntervalMs, pingTimeoutMs } = times
  const hub = new PushHub({
    clock,
    registrar,
    world: () => source.known,
    view: viewNow,
    onWorkloads: () => source.touch(),
    onSidecar: (what, of) => (what === 'refused' ? log.warn('sidecar refused', of) : log.info(`sidecar ${what}`, of)),
    pingIntervalMs,
    pingTimeoutMs,
  })
  const checked = new CheckedView(hub.acks, () => clock.wallMs())
  const started = await source.start()
  if (!started.ok) return problem('unavailable', started.error)
  const onTrust = authority.value.onTrust(({ rootsPem }) => {
    source.touch()
    void writeBundleFile(bundleFile, rootsPem).then(
      (done) => done.ok || log.warn('root bundle', { reason: done.error }),
    )
  })
  cleanup.use(onTrust)
  const signing = createSigning(authority.value, tokens)
  const push = new PushServer({
    clock,
    hub,
    certificate,
    signing: {
      sign: async (request, credential) => {
        const { identity } = request
        const signed = await tracing.span('sign', { 'outrigger.identity': identity }, () =>
          signing.sign(request, credential),
        )
        if (!signed.ok) log.warn('certificate refused', { identity, reason: signed.error.detail })
        return signed
      },
    },
    peerOf: (socket) => peerOf(socket, authority.value.bundle, clock.wallMs()),
  })
  const pushPort = await push.listen(options.push.port, options.push.host)
  if (!pushPort.ok) return problem('environment', listenProblem('port for sidecars', options.push, pushPort.error))
  cleanup.defer(() => push.close(CLOSE_GRACE_MS))
  cleanup.defer(() => hub.close())

  // who may ask
  const mounts: ApiMount[] = jaeger.value === undefined ? [] : [jaeger.value]
  const store = new ManifestStore(registry, `${prefix}manifests/`, clock)
  const api = new ApiServer({
    clock,
    access: { adminToken, hostNames: options.apiHostNames ?? [] },
    mounts,
    trace: (name, work) => tracing.span(name, {}, work),
    onError: (error) => log.error('API', { error: error instanceof Error ? error.stack : String(error) }),
    routes: [
      ...manifestRoutes({
        store,
        acks: hub.acks,
        world: () => source.world,
        hypothetical: (all) => source.hypothetical(all),
      }),
      ...tokenRoutes(tokens, clock),
      ...meshRoutes({
        hub,
        world: () => source.world,
        view: viewNow,
        registry: () => ({ ...source.availability, description: registry.description, settled: source.isSettled }),
        trust: () => authority.value.trust,
        authorityProblem: () => authority.value.lastProblem,
      }),
    ],
  })
  const apiPort = await api.listen(options.api.port, options.api.host)
  if (!apiPort.ok) return problem('environment', listenProblem('port of the API', options.api, apiPort.error))
  cleanup.defer(() => api.close(CLOSE_GRACE_MS))

  const running = cleanup.move()
  const close = (): Promise<void> => running.disposeAsync()
  log.info('control plane ready', {
    push: pushPort.value,
    api: apiPort.value,
    registry: registry.description,
    trustDomain,
  })
  return ok({
    ports: { push: pushPort.value, api: apiPort.value },
    bundleFile,
    get trust() {
      return authority.value.trust
    },
    tokens,
    close,
    [Symbol.asyncDispose]: close,
  })
}

/** What no environment could make right. */
function misuseOf({
  adminToken,
  api,
  leafLifetimeMs = LEAST_LEAF_LIFETIME_MS,
  trustDomain,
}: ControlPlaneOptions): string | undefined {
  const domain = parseTrustDomain(trustDomain)
  if (!domain.ok) return `Cannot use trust domain "${trustDomain}": ${domain.error}`
  if (leafLifetimeMs < LEAST_LEAF_LIFETIME_MS)
    return `Cannot issue certificates that live ${leafLifetimeMs} ms: expected at least ${LEAST_LEAF_LIFETIME_MS} ms`
  if ((adminToken ?? '') === '' && !isLoopback(api.host))
    return `Cannot serve the API on ${api.host}: an admin token is needed where it is not on loopback`
  return undefined
}

/** What a registry that can't be opened is: a server that is away, a file, or no registry at all. */
function registryKind(url: string): StartProblem['kind'] {
  if (url.startsWith('consul:')) return 'unavailable'
  return url.startsWith('embedded:') ? 'input' : 'usage'
}

const problem = (kind: StartProblem['kind'], sentence: string): Result<never, StartProblem> => err({ kind, sentence })

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4')
LOOPBACK.addAddress('::1', 'ipv6')

const isLoopback = (host: string): boolean =>
  host === 'localhost' || LOOPBACK.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
