import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundleFromPem } from '../../../certs/bundle.ts'
import { ok, type Result } from '../../../certs/result.ts'
import { workloadId } from '../../../certs/spiffe-id.ts'
import { type ControlPlane, startControlPlane } from '../../../control-plane/control-plane.ts'
import type { ControlPlaneOptions } from '../../../control-plane/control-plane-options.ts'
import { SnapshotStore } from '../../../sidecar/config/snapshot-store.ts'
import type { Registration } from '../../../sidecar/config/watch-protocol.ts'
import { ControlChannel } from '../../../sidecar/config-client/control-channel.ts'
import { ControlPlaneSigner } from '../../../sidecar/config-client/control-plane-signer.ts'
import { WatchClient, type WatchStatus } from '../../../sidecar/config-client/watch-client.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { Logger } from '../../../sidecar/core/logger.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { CertificateRotation } from '../../../sidecar/mtls/certificate-rotation.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'

export { eventually } from '../../support/eventually.ts'

export const TRUST_DOMAIN = 'mesh.test'
/** What is waited for is short; what must not end by itself on a slow machine is long. */
export const TIMES = {
  instanceTtlMs: 30_000,
  heartbeatMs: 200,
  graceMs: 150,
  settleMs: 400,
  debounceMs: 2,
  maxDebounceMs: 20,
  pingIntervalMs: 5_000,
  pingTimeoutMs: 30_000,
}

/** A folder of its own, gone with the test. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'outrigger-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const seams = {
  clock: systemClock,
  random: seededRandom(7),
  log: Logger.to(() => undefined, systemClock, 'off'),
  version: 'test',
}

/** Options of a control plane on loopback with everything in `path`. */
export const optionsIn = (path: string, more: Partial<ControlPlaneOptions> = {}): ControlPlaneOptions => ({
  registryUrl: `embedded:${join(path, 'registry.db')}`,
  trustDomain: TRUST_DOMAIN,
  dataDirectory: path,
  push: { host: '127.0.0.1', port: 0 },
  api: { host: '127.0.0.1', port: 0 },
  times: TIMES,
  ...more,
})

/** A control plane in this process; throws the sentence when it does not start. */
export async function controlPlane(path: string, more: Partial<ControlPlaneOptions> = {}): Promise<ControlPlane> {
  const started = await startControlPlane(optionsIn(path, more), seams)
  if (!started.ok) throw new Error(started.error.sentence)
  return started.value
}

export const start = (options: ControlPlaneOptions) => startControlPlane(options, seams)

/** A join token for everything in namespace `shop`. */
export async function joinToken(plane: ControlPlane): Promise<string> {
  const grant = { namespaces: ['shop'], serviceAccounts: ['*'], expiresAtMs: Date.now() + 3_600_000 }
  const token = await plane.tokens.create(grant)
  if (!token.ok) throw new Error(token.error.sentence)
  return token.value.text
}

/** What `orders` serves, as one of its sidecars registers it. */
export const registration = (service: string, meshPort: number): Registration => ({
  service,
  port: 80,
  appPort: 8080,
  protocol: 'http',
  address: '127.0.0.1',
  meshPort,
  labels: {},
})

export interface TestSidecarOptions {
  readonly port: number
  readonly bundleFile: string
  readonly workload: string
  readonly token: string | undefined
  readonly serves?: readonly Registration[]
  readonly store?: SnapshotStore
  readonly identities?: IdentityStore
  /** As whom to ask for a certificate; absent: the first service that it serves, else the workload's own name. */
  readonly serviceAccount?: string
}

/** The sidecar's side of the control plane alone: certificate and subscription. */
export class TestSidecar implements AsyncDisposable {
  readonly store: SnapshotStore
  readonly identities: IdentityStore
  readonly watch: WatchClient
  readonly rotation: CertificateRotation
  readonly channel: ControlChannel
  readonly statuses: WatchStatus[] = []

  private constructor(options: TestSidecarOptions, bundlePem: string) {
    const [namespace = '', name = ''] = options.workload.split('/')
    const [, served = name] = options.serves?.[0]?.service.split('/') ?? []
    const id = workloadId(TRUST_DOMAIN, namespace, options.serviceAccount ?? served)
    const bundle = bundleFromPem(TRUST_DOMAIN, 0, [bundlePem])
    if (!id.ok || !bundle.ok) throw new Error('the test names no identity')
    const clock = systemClock
    const random = seededRandom(11)
    const identities = options.identities ?? new IdentityStore()
    this.store = options.store ?? new SnapshotStore()
    this.identities = identities
    const addresses = [{ host: '127.0.0.1', port: options.port }]
    this.channel = new ControlChannel({ clock, identities, bundle: bundle.value, addresses })
    const readToken = async (): Promise<Result<string | undefined, string>> => ok(options.token)
    const signer = new ControlPlaneSigner({ channel: this.channel, identities, clock, readToken })
    this.rotation = new CertificateRotation({ id: id.value, store: identities, signer, clock, random })
    this.watch = new WatchClient({
      channel: this.channel,
      identities,
      store: this.store,
      clock,
      random,
      trustDomain: TRUST_DOMAIN,
      workload: options.workload,
      version: 'test',
      serves: options.serves ?? [],
      onStatus: (status) => this.statuses.push(status),
    })
  }

  static async start(options: TestSidecarOptions): Promise<TestSidecar> {
    const sidecar = new TestSidecar(options, await readFile(options.bundleFile, 'utf8'))
    sidecar.rotation.start()
    sidecar.watch.start()
    return sidecar
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.rotation[Symbol.dispose]()
    await this.watch.close()
  }
}

/** An answer of the API. */
export interface Answer {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON there is
  readonly body: any
}

/** Calls the API with a JSON or YAML body. */
export async function call(plane: ControlPlane, method: string, path: string, body?: string): Promise<Answer> {
  const type = body?.startsWith('{') === true ? 'application/json' : 'application/yaml'
  const response = await fetch(`http://127.0.0.1:${plane.ports.api}${path}`, {
    method,
    ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
  })
  return { status: response.status, body: await response.json() }
}
