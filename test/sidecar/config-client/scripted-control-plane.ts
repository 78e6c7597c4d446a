import { once } from 'node:events'
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { LineSplitter, toLine } from '../../../sidecar/config/watch-lines.ts'
import type { WatchRequest } from '../../../sidecar/config/watch-protocol.ts'
import type { Identity } from '../../../sidecar/mtls/identity.ts'
import { linkServerOptions } from '../../../sidecar/mtls/tls-contexts.ts'

/** A request for a certificate as it arrived. */
export interface AskedSignature {
  readonly authorization: string | undefined
  /** The subject alternative name of the certificate that the connection was made with. */
  readonly caller: string | undefined
}

/** The control plane's end of one watch stream. */
export class ScriptedWatch {
  readonly heard: WatchRequest[] = []
  /** The certificate that the connection was made with. */
  readonly callerDer: Buffer | undefined
  /** Resolves when the stream is over. */
  readonly over: Promise<void>
  /** Said at the end. */
  trailers: Record<string, string> = {}
  readonly #stream: ServerHttp2Stream
  readonly #lines = new LineSplitter()
  #onHeard: () => void = () => {}

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream
    this.callerDer = callerOf(stream)?.raw
    this.over = new Promise((resolve) => stream.once('close', resolve))
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers(this.trailers))
    stream.on('error', () => {})
    stream.on('end', () => stream.end())
    stream.on('data', (chunk: Buffer) => {
      const lines = this.#lines.push(chunk)
      if (lines.ok) this.heard.push(...lines.value.map((line) => JSON.parse(line) as WatchRequest))
      this.#onHeard()
    })
  }

  /** Messages of a type, as soon as there are `count` of them. */
  async hears<T extends WatchRequest['type']>(
    type: T,
    count = 1,
  ): Promise<readonly Extract<WatchRequest, { type: T }>[]> {
    for (;;) {
      const found = this.heard.filter((message): message is Extract<WatchRequest, { type: T }> => message.type === type)
      if (found.length >= count) return found
      await new Promise<void>((resolve) => {
        this.#onHeard = resolve
      })
    }
  }

  /** Sends events in one write. Not checked: a control plane may be newer, or wrong. */
  tell(...events: readonly object[]): void {
    this.#stream.write(events.map(toLine).join(''))
  }

  /** What was told before has arrived, and what it was answered with has come back. */
  async settled(): Promise<void> {
    const pongs = this.heard.filter(({ type }) => type === 'pong').length
    this.tell({ type: 'ping' })
    await this.hears('pong', pongs + 1)
  }

  finish(): void {
    this.#stream.end()
  }

  breakOff(): void {
    this.#stream.session?.destroy()
  }
}

/** The other end of a control channel: HTTP/2 over TLS on loopback, with an identity of the test's choice. */
export class ScriptedControlPlane implements AsyncDisposable {
  readonly port: number
  readonly asked: AskedSignature[] = []
  /** Answers to requests for certificates, in turn. */
  answers: { readonly status: number; readonly body: object }[] = []
  readonly #server: Http2SecureServer
  readonly #sockets = new Set<Socket>()
  readonly #watches: ScriptedWatch[] = []
  #taken = 0
  #onWatch: () => void = () => {}

  private constructor(server: Http2SecureServer) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('secureConnection', (socket: TLSSocket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
    })
    server.on('session', (session) => {
      session.on('error', () => {})
    })
    server.on('stream', (stream: ServerHttp2Stream, headers) => this.#onStream(stream, headers))
  }

  static async listen(identity: Identity): Promise<ScriptedControlPlane> {
    const server = createSecureServer({ ...linkServerOptions(identity), rejectUnauthorized: false })
    server.on('sessionError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new ScriptedControlPlane(server)
  }

  /** How many watch streams were opened so far. */
  get watchCount(): number {
    return this.#watches.length
  }

  /** The next watch stream that a sidecar opens, or has opened. */
  async watch(): Promise<ScriptedWatch> {
    const at = this.#taken++
    for (;;) {
      const watch = this.#watches[at]
      if (watch !== undefined) return watch
      await new Promise<void>((resolve) => {
        this.#onWatch = resolve
      })
    }
  }

  /** Somebody has connected. */
  async arrived(): Promise<void> {
    if (this.#sockets.size === 0) await once(this.#server, 'secureConnection')
  }

  /** Nobody is connected any more. */
  async allLeft(): Promise<void> {
    for (const socket of this.#sockets) if (!socket.closed) await once(socket, 'close')
  }

  #onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (headers[':path'] === '/v1/watch') {
      this.#watches.push(new ScriptedWatch(stream))
      this.#onWatch()
      return
    }
    this.asked.push({ authorization: headers['authorization'], caller: callerOf(stream)?.subjectAltName })
    const answer = this.answers.shift() ?? { status: 500, body: {} }
    stream.on('error', () => {})
    stream.resume()
    stream.respond({ ':status': answer.status })
    stream.end(JSON.stringify(answer.body))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const callerOf = (stream: ServerHttp2Stream) =>
  (stream.session?.socket as TLSSocket | undefined)?.getPeerX509Certificate()
