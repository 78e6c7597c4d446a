import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { type ControlPlane, startControlPlane } from '../../control-plane/control-plane.ts'
import type { ControlPlaneOptions, ControlPlaneTimes } from '../../control-plane/control-plane-options.ts'
import type { Bootstrap } from '../../sidecar/config/bootstrap.ts'
import { type Clock, systemClock } from '../../sidecar/core/clock.ts'
import { Logger } from '../../sidecar/core/logger.ts'
import { seededRandom } from '../../sidecar/core/random.ts'
import { type Sidecar, startSidecar } from '../../sidecar/sidecar.ts'
import { ByteRelay } from './byte-relay.ts'
import { eventually, pause } from './eventually.ts'
import { type AppHandler, type RawHandler, TestApp } from './mesh-app.ts'
import { type Answer, type CallOptions, callPort } from './mesh-call.ts'

export const TRUST_DOMAIN = 'mesh.test'
/** Sidecars listen here … */
const SIDECAR_HOST = '127.0.0.1'
/** … and are known by this address, at the same port, where a relay stands. */
const RELAY_HOST = '127.0.0.2'

/** What is waited for is short; what must not end by itself on a slow machine is long. */
const TIMES: ControlPlaneTimes = {
  instanceTtlMs: 30_000,
  heartbeatMs: 200,
  graceMs: 150,
  settleMs: 400,
  debounceMs: 2,
  maxDebounceMs: 20,
  pingIntervalMs: 5_000,
  pingTimeoutMs: 30_000,
}

/** A handshake within this process takes long where there is little of a processor. */
const MESH_CONFIG = `apiVersion: outrigger.dev/v1alpha1
kind: MeshConfig
metadata: {name: mesh}
spec: {traffic: {connection: {connectTimeout: 30s}}}
`
/** Applications close idle connections long after sidecars stop using them. */
const KEEP_ALIVE_MS = 60_000

/** What a service is made of. A handler alone is one replica of it. */
export interface TestService {
  readonly handler?: AppHandler
  /** Instead of `handler`: an application on bare sockets. */
  readonly raw?: RawHandler
  readonly replicas?: number
  /** The services' port; 80 when absent. */
  readonly port?: number
  /** Services that its replicas are instances of; the service's own name when absent. */
  readonly serves?: readonly string[]
  /** Closes idle connections after this long, ms. */
  readonly keepAliveMs?: number
}

export interface TestMeshOptions {
  readonly services: Readonly<Record<string, AppHandler | TestService>>
  /** Workloads that only call. */
  readonly callers?: readonly string[]
  /** Applied before the first request; a Service for every service is there anyway. */
  readonly manifests?: string
  readonly leafLifetimeMs?: number
  readonly registryUrl?: string
  readonly times?: Partial<ControlPlaneTimes>
  readonly telemetry?: ControlPlaneOptions['telemetry']
  readonly seed?: number
  /** Of all sidecars; the system's when absent. */
  readonly clock?: Clock
}

/** One workload: application (unless it only calls), sidecar, and the relay before it. */
export class TestWorkload {
  readonly name: string
  readonly boot: Bootstrap
  readonly app: TestApp | undefined
  readonly accessLog: string[] = []
  readonly log: string[] = []
  /** Stands before its mesh port; another one after a kill and restart. */
  readonly relay: ByteRelay | undefined
  readonly agent = new Agent({ keepAlive: true, maxSockets: 256 })
  readonly #seed: number
  readonly #clock: Clock
  #sidecar: Sidecar | undefined

  constructor(parts: {
    readonly name: string
    readonly boot: Bootstrap
    readonly app: TestApp | undefined
    readonly relay: ByteRelay | undefined
    readonly seed: number
    readonly clock: Clock
  }) {
    this.name = parts.name
    this.boot = parts.boot
    this.app = parts.app
    this.relay = parts.relay
    this.#seed = parts.seed
    this.#clock = parts.clock
  }

  get sidecar(): Sidecar {
    if (this.#sidecar === undefined) throw new Error(`the sidecar of ${this.name} is not running`)
    return this.#sidecar
  }

  /** Starts the sidecar; resolves when its ports are bound, which is before it is ready. */
  async start(): Promise<void> {
    const { accessLog, log } = this
    const accessLogStream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        accessLog.push(...chunk.toString('utf8').split('\n').filter(Boolean))
        done()
      },
    })
    const started = await startSidecar(this.boot, {
      clock: this.#clock,
      random: seededRandom(this.#seed),
      log: Logger.to((line) => void log.push(line), this.#clock, 'debug'),
      accessLog: accessLogStream,
      version: 'test',
    })
    if (!started.ok) throw new Error(`${this.name}: ${started.error}`)
    this.#sidecar = started.value
  }

  /** Ends the sidecar without a word to anybody, connections cut. */
  async stop(): Promise<void> {
    const sidecar = this.#sidecar
    this.#sidecar = undefined
    this.relay?.cut()
    await sidecar?.close()
  }

  /** The process and its application are gone, as after kill -9: first the network, so that no goodbye gets through. */
  async kill(): Promise<void> {
    const gone = [this.relay?.[Symbol.asyncDispose](), this.app?.[Symbol.asyncDispose]()]
    const sidecar = this.#sidecar
    this.#sidecar = undefined
    await Promise.all([...gone, sidecar?.close()])
  }

  /** Ends the sidecar and starts it again with the state that it kept. */
  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  /** As SIGTERM does. */
  async drain(delayMs: number, timeoutMs: number): Promise<void> {
    await this.sidecar.drain(delayMs, timeoutMs)
    this.#sidecar = undefined
  }

  /** Calls a service through this sidecar's listener for it. */
  call(to: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return callPort(this.portFor(to), { host: to, path, agent: this.agent }, options)
  }

  /** Calls through the listener that goes by Host. */
  callByHost(host: string, path: string, options: CallOptions = {}): Promise<Answer> {
    return callPort(this.portFor(''), { host, path, agent: this.agent }, options)
  }

  /** The port of the listener for a service. */
  portFor(to: string): number {
    const port = this.sidecar.ports.upstreams.get(to === '' ? '' : `shop/${to}`)
    if (port === undefined) throw new Error(`${this.name} has no listener for ${to}`)
    return port
  }

  /** What the admin port shows at `path`. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON there is
  async admin(path: string): Promise<any> {
    return (await fetch(`http://127.0.0.1:${this.sidecar.ports.admin}${path}`)).json()
  }

  /** Samples of /metrics, by `name{labels}` as written. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`http://127.0.0.1:${this.sidecar.ports.probes}/metrics`)).text()
    const samples = new Map<string, number>()
    for (const line of text.split('\n')) {
      const match = /^([^#\s{]+(?:\{.*\})?) ([^\s]+)/.exec(line)
      if (match !== null) samples.set(match[1] ?? '', Number(match[2]))
    }
    return samples
  }

  /** Whether /ready says so. */
  async isReady(): Promise<boolean> {
    return (await fetch(`http://127.0.0.1:${this.sidecar.ports.probes}/ready`)).status === 200
  }

  async dispose(): Promise<void> {
    this.agent.destroy()
    await this.kill()
  }
}

/** A control plane and workloads with their sidecars, in this process, over real sockets and TLS. */
export class TestMesh implements AsyncDisposable {
  readonly directory: string
  readonly workloads = new Map<string, TestWorkload>()
  readonly planeLog: string[] = []
  #plane: ControlPlane | undefined
  readonly #options: TestMeshOptions
  #planePorts = { push: 0, api: 0 }

  constructor(directory: string, options: TestMeshOptions) {
    this.directory = directory
    this.#options = options
  }

  get plane(): ControlPlane {
    if (this.#plane === undefined) throw new Error('the control plane is not running')
    return this.#plane
  }

  /** A workload by its name: `web`, or a replica, `orders-0`. */
  workload(name: string): TestWorkload {
    const found = this.workloads.get(name)
    if (found === undefined) throw new Error(`no workload ${name}; there are ${[...this.workloads.keys()].join(', ')}`)
    return found
  }

  /** One request from a workload's application to a service. */
  call(from: string, to: string, path: string, options?: CallOptions): Promise<Answer> {
    return this.workload(from).call(to, path, options)
  }

  async startControlPlane(): Promise<void> {
    const { registryUrl, leafLifetimeMs, telemetry, times } = this.#options
    const started = await startControlPlane(
      {
        registryUrl: registryUrl ?? `embedded:${join(this.directory, 'registry.db')}`,
        trustDomain: TRUST_DOMAIN,
        dataDirectory: this.directory,
        push: { host: '127.0.0.1', port: this.#planePorts.push },
        api: { host: '127.0.0.1', port: this.#planePorts.api },
        times: { ...TIMES, ...times },
        ...(leafLifetimeMs === undefined ? {} : { leafLifetimeMs }),
        ...(telemetry === undefined ? {} : { telemetry }),
      },
      {
        clock: systemClock,
        random: seededRandom(7),
        log: Logger.to((line) => void this.planeLog.push(line), systemClock, 'debug'),
        version: 'test',
      },
    )
    if (!started.ok) throw new Error(started.error.sentence)
    this.#plane = started.value
    this.#planePorts = started.value.ports
  }

  async stopControlPlane(): Promise<void> {
    const plane = this.#plane
    this.#plane = undefined
    await plane?.close()
  }

  /** Asks the REST API. */
  async api(method: string, path: string, body?: string): Promise<ApiAnswer> {
    const type = body?.startsWith('{') === true ? 'application/json' : 'application/yaml'
    const response = await fetch(`http://127.0.0.1:${this.plane.ports.api}${path}`, {
      method,
      ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
    })
    return { status: response.status, body: await response.json() }
  }

  /** Applies manifests and waits until every sidecar serves by them. Throws when they are refused. */
  async apply(yaml: string): Promise<void> {
    await this.#change('PUT', yaml)
  }

  /** Deletes manifests and waits until every sidecar serves without them. */
  async delete(yaml: string): Promise<void> {
    await this.#change('DELETE', yaml)
  }

  async #change(method: 'PUT' | 'DELETE', yaml: string): Promise<void> {
    const { body: before } = await this.api('GET', '/v1/status')
    const { status, body } = await this.api(method, '/v1/manifests', yaml)
    if (status !== 200) throw new Error(`${method} was answered ${status}: ${JSON.stringify(body)}`)
    const isChanged = (body.results as { change: string }[]).some(({ change }) => change !== 'unchanged')
    if (isChanged) {
      await eventually('the change is seen', async () => {
        return (await this.api('GET', '/v1/status')).body.generation > before.generation
      })
      // That may have been another change. Timers go in their order: the one that brings this change, set before, is over.
      await pause(2 * TIMES.maxDebounceMs)
    }
    await this.settled()
  }

  /** Resolves when every sidecar that is connected serves with the current version of all that it wants. */
  async settled(): Promise<void> {
    await eventually('every sidecar serves the current versions', async () => {
      const { body } = await this.api('GET', '/v1/status')
      return (body.workloads as ShownWorkload[]).every(({ resources }) =>
        resources.every(({ current, acked }) => current === acked),
      )
    })
  }

  /** Resolves when `from` has as many usable endpoints of `to` as wanted. */
  async reaches(from: string, to: string, count: number): Promise<void> {
    await eventually(`${from} has ${count} endpoints of ${to}`, async () => {
      return (await this.endpoints(from, to)).length === count
    })
  }

  /** Endpoints of a service as `from` has them now. */
  async endpoints(from: string, to: string): Promise<readonly ShownEndpoint[]> {
    const { services } = await this.workload(from).admin('/endpoints')
    return (
      (services as { name: string; endpoints: ShownEndpoint[] }[]).find(({ name }) => name === `shop/${to}`)
        ?.endpoints ?? []
    )
  }

  /** Builds a workload, starts its application and its sidecar. */
  async addWorkload(name: string, account: string, service?: TestService): Promise<TestWorkload> {
    const { services, seed = 1, clock = systemClock } = this.#options
    const workloadSeed = seed * 1_000 + this.workloads.size
    const context = {
      workload: name,
      call: (to: string, path: string, options?: CallOptions) => this.call(name, to, path, options),
    }
    const app =
      service === undefined
        ? undefined
        : service.raw !== undefined
          ? await TestApp.startRaw(service.raw)
          : await TestApp.startHttp(service.handler ?? echo, context, service.keepAliveMs ?? KEEP_ALIVE_MS)
    const local = { host: SIDECAR_HOST, port: 0 }
    for (let tries = 0; ; tries++) {
      const relay = app === undefined ? undefined : await ByteRelay.start(RELAY_HOST, SIDECAR_HOST)
      const boot: Bootstrap = {
        workload: `shop/${name}`,
        serviceAccount: account,
        trustDomain: TRUST_DOMAIN,
        controlPlanes: [{ host: '127.0.0.1', port: this.#planePorts.push }],
        joinTokenFile: join(this.directory, 'token'),
        bundleFile: join(this.directory, 'bundle.pem'),
        stateDirectory: join(this.directory, `state-${name}`),
        upstreams: Object.keys(services)
          .flatMap((key) => servedBy(key, services[key]))
          .concat(Object.keys(services))
          .filter((key, at, all) => all.indexOf(key) === at)
          .map((key) => ({ service: `shop/${key}`, port: undefined, listen: local })),
        outbound: local,
        serves:
          app === undefined
            ? []
            : servedBy(account, service).map((key) => ({
                service: `shop/${key}`,
                port: service?.port ?? 80,
                appPort: app.port,
                protocol: 'auto' as const,
                labels: {},
              })),
        appHost: '127.0.0.1',
        inbound: relay === undefined ? undefined : { host: SIDECAR_HOST, port: relay.port },
        plain: app === undefined ? [] : [{ listen: local, appPort: app.port }],
        advertiseHost: relay === undefined ? undefined : RELAY_HOST,
        admin: local,
        probes: local,
        drainDelayMs: 100,
        drainTimeoutMs: 5_000,
        recentDecisionCount: 200,
      }
      const workload = new TestWorkload({ name, boot, app, relay, seed: workloadSeed, clock })
      try {
        await workload.start()
      } catch (error) {
        await relay?.[Symbol.asyncDispose]()
        // The port that is free on the relay's address may be taken on the sidecar's.
        if (tries < 5 && String(error).includes('port is in use')) continue
        await app?.[Symbol.asyncDispose]()
        throw error
      }
      this.workloads.set(name, workload)
      return workload
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.workloads.values()].map((workload) => workload.dispose()))
    await this.stopControlPlane()
    await rm(this.directory, { recursive: true, force: true })
  }
}

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON there is
  readonly body: any
}

interface ShownWorkload {
  readonly resources: readonly { readonly current?: string; readonly acked?: string }[]
}

/** An endpoint as the admin port shows it. */
export interface ShownEndpoint {
  readonly id: string
  readonly address: string
  readonly identity: string
  readonly inFlight: number
  readonly isEjected: boolean
  readonly cost: number
}

const servedBy = (name: string, service: AppHandler | TestService | undefined): readonly string[] =>
  typeof service === 'object' ? (service.serves ?? [name]) : [name]

/** The application when a test does not care: says who it is and what it saw. */
const echo: AppHandler = (request, response, { workload }) => {
  request.resume()
  request.on('end', () => {
    const body = JSON.stringify({ workload, method: request.method, url: request.url, headers: request.headers })
    response.writeHead(200, { 'content-type': 'application/json', 'x-workload': workload }).end(body)
  })
}

/** A Service manifest with one HTTP port, which these accounts may serve. */
const serviceManifest = (name: string, accounts: readonly string[]): string =>
  `apiVersion: v1\nkind: Service\nmetadata:\n  name: ${name}\n  namespace: shop\n  annotations: {outrigger.dev/service-accounts: "${accounts.join(', ')}"}\nspec: {ports: [{port: 80, name: http}]}\n`

/**
 * Starts everything and resolves when every sidecar is ready and every caller knows all replicas.
 * The trust domain is `mesh.test`, the namespace `shop`; a service's account has its name.
 */
export async function startTestMesh(options: TestMeshOptions): Promise<TestMesh> {
  const directory = await mkdtemp(join(tmpdir(), 'outrigger-mesh-'))
  const mesh = new TestMesh(directory, options)
  try {
    await mesh.startControlPlane()
    const token = await mesh.plane.tokens.create({
      namespaces: ['shop'],
      serviceAccounts: ['*'],
      expiresAtMs: Date.now() + 3_600_000,
    })
    if (!token.ok) throw new Error(token.error.sentence)
    await writeFile(join(directory, 'token'), token.value.text)
    const services = Object.entries(options.services).map(([name, service]): [string, TestService] => [
      name,
      typeof service === 'function' ? { handler: service } : service,
    ])
    const names = new Set(services.flatMap(([name, service]) => [name, ...servedBy(name, service)]))
    const accountsFor = (served: string): readonly string[] => {
      const accounts = services
        .filter(([name, service]) => servedBy(name, service).includes(served))
        .map(([name]) => name)
      return accounts.length > 0 ? accounts : [served]
    }
    await mesh.api(
      'PUT',
      '/v1/manifests',
      [MESH_CONFIG, ...[...names].map((name) => serviceManifest(name, accountsFor(name)))].join('---\n'),
    )
    for (const [name, service] of services) {
      const count = service.replicas ?? 1
      for (let i = 0; i < count; i++) await mesh.addWorkload(count === 1 ? name : `${name}-${i}`, name, service)
    }
    for (const name of options.callers ?? []) await mesh.addWorkload(name, name)
    await Promise.all([...mesh.workloads.values()].map(({ sidecar }) => sidecar.ready))
    for (const from of mesh.workloads.keys()) {
      for (const name of names) {
        const count = services
          .filter(([key, service]) => servedBy(key, service).includes(name))
          .reduce((sum, [, service]) => sum + (service.replicas ?? 1), 0)
        await mesh.reaches(from, name, count)
      }
    }
    if (options.manifests !== undefined) await mesh.apply(options.manifests)
    return mesh
  } catch (error) {
    await mesh[Symbol.asyncDispose]()
    throw error
  }
}
