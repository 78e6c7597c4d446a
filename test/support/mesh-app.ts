import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createNetServer, type Socket, type Server as TcpServer } from 'node:net'
import { resetSocket } from '../../sidecar/connection/reset-socket.ts'
import type { Answer, CallOptions } from './mesh-call.ts'

/** What an application may ask of the mesh that it is in. */
export interface AppContext {
  /** Its workload: `orders-0`. */
  readonly workload: string
  /** Calls another service through its own sidecar. */
  call(to: string, path: string, options?: CallOptions): Promise<Answer>
}

/** An application that speaks HTTP by node:http. */
export type AppHandler = (request: IncomingMessage, response: ServerResponse, app: AppContext) => unknown

/** An application that does what it likes with its connections. */
export type RawHandler = (socket: Socket) => void

/** An application that listens on loopback. */
export class TestApp implements AsyncDisposable {
  readonly port: number
  readonly #server: Server | TcpServer
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server | TcpServer) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async startHttp(handler: AppHandler, app: AppContext, keepAliveMs: number): Promise<TestApp> {
    const server = createHttpServer({ keepAliveTimeout: keepAliveMs, noDelay: true }, (request, response) => {
      request.on('error', () => undefined)
      response.on('error', () => undefined)
      Promise.resolve(handler(request, response, app)).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(599)
        response.end(String(error))
      })
    })
    return TestApp.#listen(server)
  }

  static startRaw(handler: RawHandler): Promise<TestApp> {
    return TestApp.#listen(createNetServer({ noDelay: true }, handler))
  }

  static async #listen(server: Server | TcpServer): Promise<TestApp> {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    return new TestApp(server)
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#sockets.size
  }

  /** Breaks all connections with RST; new ones are accepted. */
  cut(): void {
    for (const socket of [...this.#sockets]) resetSocket(socket)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.cut()
    await closed
  }
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
