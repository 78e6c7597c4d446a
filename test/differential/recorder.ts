import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readRequestLine, type SeenRequest } from './seen-request.ts'

/** An idle connection stays open for the whole suite: what is left over in it must meet another request. */
const KEEP_ALIVE_MS = 120_000
/** More than a sidecar passes on. */
const HEAD_BYTES = 256 * 1024

/** Node's own server, strict, which writes down what it saw and answers with it: `GET /outer-7 0`. */
export class Recorder implements AsyncDisposable {
  /** In the order in which they began. Entries of bodies that broke off have no length. */
  readonly seen: SeenRequest[] = []
  /** What the parser refused: octets that nobody should have sent. */
  readonly refused: string[] = []
  readonly port: number
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('request', (request, response) => this.#record(request, response))
    server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
      socket.destroy()
      if (error.rawPacket === undefined) return
      const octets = error.rawPacket.toString('latin1')
      const request = readRequestLine(octets.split('\r\n', 1)[0] ?? '')
      // A request may have a method that Node does not know; all else is no request.
      if (request === undefined) this.refused.push(`${error.code}: ${octets}`)
      else this.seen.push({ ...request, bodyBytes: undefined })
    })
  }

  static async start(): Promise<Recorder> {
    const server = createServer({
      insecureHTTPParser: false,
      maxHeaderSize: HEAD_BYTES,
      keepAliveTimeout: KEEP_ALIVE_MS,
      noDelay: true,
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Recorder(server)
  }

  #record(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request
    const at = this.seen.push({ method, path: url.replace(/\?.*/s, ''), bodyBytes: undefined }) - 1
    let bodyBytes = 0
    request.on('data', (chunk: Buffer) => {
      bodyBytes += chunk.length
    })
    request.on('error', () => undefined)
    request.on('end', () => {
      if (!request.complete) return
      this.seen[at] = { method, path: url.replace(/\?.*/s, ''), bodyBytes }
      response.setHeader('x-length', bodyBytes)
      response.end(`${method} ${url} ${bodyBytes}`)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}
