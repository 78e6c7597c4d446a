import type { Server as Http1Server } from 'node:http'
import type { Http2Server } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { startTestMesh, type TestMesh, type TestService } from '../support/mesh.ts'
import { CutRelay } from './cut-relay.ts'
import { startHttp1Application } from './http1-application.ts'
import { startHttp2Application } from './http2-application.ts'
import { Ledger } from './ledger.ts'
import { startTcpApplication } from './tcp-application.ts'

/** What each service's port says that it speaks, and the application behind it; `undefined`: it says nothing. */
const SERVICES = {
  files: { protocol: 'http', application: 'http1' },
  guess: { protocol: undefined, application: 'http1' },
  wires: { protocol: 'http2', application: 'http2' },
  calls: { protocol: 'grpc', application: 'http2' },
  bank: { protocol: 'tcp', application: 'tcp' },
  mute: { protocol: undefined, application: 'tcp' },
} as const

export type ServiceName = keyof typeof SERVICES

const CALLER = 'web'

/** Ports as the services declare them; callers without a sidecar are let in; nothing is cut off for being many or idle. */
const MANIFESTS = `${Object.entries(SERVICES)
  .map(
    ([name, { protocol }]) => `apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: shop, annotations: {outrigger.dev/service-accounts: "${name}"}}
spec: {ports: [{port: 80${protocol === undefined ? '' : `, appProtocol: ${protocol}`}}]}
`,
  )
  .join('---\n')}---
apiVersion: outrigger.dev/v1alpha1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: PERMISSIVE}}
`

/** A mesh of one caller and of all kinds of applications, with a relay on every hop. */
export class CutStage implements AsyncDisposable {
  readonly ledger: Ledger
  readonly mesh: TestMesh
  /** Between two sidecars, and between a sidecar and its application; of callers, each has its own. */
  readonly links: ReadonlyMap<ServiceName, CutRelay>
  readonly applications: ReadonlyMap<ServiceName, CutRelay>
  readonly #servers: readonly (Http1Server | Http2Server | Server)[]
  readonly #sockets: ReadonlySet<Socket>

  private constructor(parts: {
    readonly ledger: Ledger
    readonly mesh: TestMesh
    readonly links: ReadonlyMap<ServiceName, CutRelay>
    readonly applications: ReadonlyMap<ServiceName, CutRelay>
    readonly servers: readonly (Http1Server | Http2Server | Server)[]
    readonly sockets: ReadonlySet<Socket>
  }) {
    this.ledger = parts.ledger
    this.mesh = parts.mesh
    this.links = parts.links
    this.applications = parts.applications
    this.#servers = parts.servers
    this.#sockets = parts.sockets
  }

  static async start(seed: number): Promise<CutStage> {
    const ledger = new Ledger()
    const started = {
      http1: await startHttp1Application(ledger),
      http2: await startHttp2Application(ledger),
      tcp: await startTcpApplication(ledger),
    }
    const servers = Object.values(started).map(({ server }) => server)
    const sockets = new Set<Socket>()
    for (const server of servers)
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
      })
    const names = Object.keys(SERVICES) as ServiceName[]
    const applications = new Map(names.map((name) => [name, CutRelay.between()]))
    const services: Record<string, TestService> = {}
    for (const name of names) {
      const { port } = started[SERVICES[name].application]
      services[name] = { raw: (socket) => applications.get(name)?.join(socket, port) }
    }
    const mesh = await startTestMesh({ services, callers: [CALLER], manifests: MANIFESTS, seed })
    const links = new Map<ServiceName, CutRelay>()
    for (const name of names) {
      const { relay } = mesh.workload(name)
      if (relay === undefined) throw new Error(`${name} has no relay`)
      await relay[Symbol.asyncDispose]()
      links.set(name, await CutRelay.listen(relay.port, { host: '127.0.0.2', port: relay.port }))
    }
    return new CutStage({ ledger, mesh, links, applications, servers, sockets })
  }

  /** Where callers of a service connect: at their own sidecar, or at the service's, without one of their own. */
  portOf(service: ServiceName, hasSidecar: boolean): number {
    if (hasSidecar) return this.mesh.workload(CALLER).portFor(service)
    return this.mesh.workload(service).sidecar.ports.plain[0] ?? 0
  }

  /** Connections that the applications have. */
  get applicationConnectionCount(): number {
    return this.#sockets.size
  }

  /** Sockets of the relays. */
  get relayedCount(): number {
    return [...this.links.values(), ...this.applications.values()].reduce((sum, { openCount }) => sum + openCount, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mesh[Symbol.asyncDispose]()
    for (const relay of [...this.links.values(), ...this.applications.values()]) await relay[Symbol.asyncDispose]()
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#servers.map((server) => new Promise<void>((resolve) => void server.close(() => resolve()))))
  }
}
