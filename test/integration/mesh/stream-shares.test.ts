import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import test from 'ava'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { eventually } from '../../support/eventually.ts'
import { keptIdentity } from '../../support/kept-identity.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'

/** Streams that an application of HTTP/2 allows on each of 64 connections, and the share of one caller: 3/4, of 4,096 at most. */
const SHARES = [
  { allowed: 4_096, share: 3_072 },
  { allowed: 10, share: 480 },
]

const DECLARED = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80, appProtocol: http2}]}
`

/** A caller that has the identity of a workload and no sidecar which would hold it back. */
class Glutton implements Disposable {
  readonly #sessions: ClientHttp2Session[] = []
  readonly #fields: Readonly<Record<string, string>>

  private constructor(fields: Readonly<Record<string, string>>) {
    this.#fields = fields
  }

  static async become(mesh: TestMesh, workload: string, share: number): Promise<Glutton> {
    const { sidecar, app } = mesh.workload('orders')
    const glutton = new Glutton({ ':authority': 'orders', 'x-outrigger-port': `${app?.port}` })
    const identity = await keptIdentity(mesh, workload)
    for (let room = share; room >= 0; room -= LIMITS.linkStreamCount) {
      const session = connect(`https://127.0.0.1:${sidecar.ports.inbound}`, {
        ...identity,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ALPNProtocols: ['h2'],
      })
      session.on('error', () => undefined)
      glutton.#sessions.push(session)
      await once(session, 'remoteSettings')
    }
    return glutton
  }

  /** Begins request number `count` of its own, on the link that has room for it. */
  ask(count: number, path: string): ClientHttp2Stream {
    const session = this.#sessions[Math.floor(count / LIMITS.linkStreamCount)]
    assert(session !== undefined)
    const stream = session.request({ ':path': path, ...this.#fields })
    stream.on('error', () => undefined).resume()
    return stream
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions) session.destroy()
  }
}

/** The head of an answer. */
async function answerTo(stream: ClientHttp2Stream): Promise<IncomingHttpHeaders> {
  return (await once(stream, 'response'))[0]
}

for (const { allowed, share } of SHARES) {
  test(`one caller can have three quarters of the requests in flight to an application of HTTP/2 that allows ${allowed} on a connection, on any number of links: another one is served`, async () => {
    const held: ServerHttp2Stream[] = []
    const server = createServer({ settings: { maxConcurrentStreams: allowed } })
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => undefined)
      if (headers[':path'] === '/hang') held.push(stream)
      else stream.respond({ ':status': 204 }, { endStream: true })
    })
    await using mesh = await startTestMesh({
      services: { orders: { raw: (socket) => void server.emit('connection', socket) } },
      callers: ['web', 'other'],
    })
    await mesh.apply(DECLARED)
    const call = async (): Promise<number> => (await mesh.call('other', 'orders', '/')).status
    await eventually('the port is known to speak HTTP/2', async () => (await call()) === 204)

    using glutton = await Glutton.become(mesh, 'web', share)
    const first = glutton.ask(0, '/hang')
    for (let count = 1; count < share; count++) glutton.ask(count, '/hang')
    await eventually('the application has them', () => held.length === share)
    const refused = await answerTo(glutton.ask(share, '/'))
    assert.deepEqual([refused[':status'], refused['x-outrigger-error']], [503, 'circuit-open'])
    assert.equal(await call(), 204)

    for (const stream of held) stream.respond({ ':status': 204 }, { endStream: true })
    assert.equal((await answerTo(first))[':status'], 204)
    assert.equal((await answerTo(glutton.ask(share, '/')))[':status'], 204, 'there is room again')
  })
}
