import { once } from 'node:events'
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'

/** A server at the other end of a dial. Its connections are broken off with it. */
export class LinkCallee implements AsyncDisposable {
  readonly port: number
  /** Connections as they were accepted, below TLS. */
  readonly accepted: Socket[] = []
  readonly #departures: Promise<void>[] = []
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket: Socket) => {
      this.accepted.push(socket)
      socket.on('error', () => {})
      this.#departures.push(new Promise((resolve) => socket.once('end', resolve).once('close', () => resolve())))
    })
  }

  /** Resolves when the other end of every connection so far has closed it. */
  async allLeft(): Promise<void> {
    await Promise.all(this.#departures)
  }

  static async #listen(server: Server): Promise<LinkCallee> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new LinkCallee(server)
  }

  /** Speaks HTTP/2 over TLS: answers `/hang` never, all else with 200. */
  static async http2(options: TlsOptions): Promise<LinkCallee> {
    const server = createSecureServer(options)
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => {})
      if (headers[':path'] !== '/hang') stream.respond({ ':status': 200 }, { endStream: true })
    })
    server.on('sessionError', () => {})
    return LinkCallee.#listen(server as unknown as Server)
  }

  /** Shakes hands, and hands over the socket of each connection. */
  static tls(options: TlsOptions, onSocket: (socket: TLSSocket) => void): Promise<LinkCallee> {
    const server = createTlsServer(options, (socket) => {
      socket.on('error', () => {})
      onSocket(socket)
    })
    return LinkCallee.#listen(server)
  }

  /** Knows nothing of TLS. */
  static tcp(onSocket: (socket: Socket) => void): Promise<LinkCallee> {
    return LinkCallee.#listen(
      createServer({ allowHalfOpen: true }, (socket) => {
        socket.resume()
        onSocket(socket)
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.accepted) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A port of loopback where nobody listens. */
export async function closedPort(): Promise<number> {
  await using callee = await LinkCallee.tcp(() => {})
  return callee.port
}
