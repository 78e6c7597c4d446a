import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { err, ok, type Result } from '../../certs/result.ts'
import type { Clock } from '../../sidecar/core/clock.ts'
import { LIMITS } from '../../sidecar/core/limits.ts'
import { type ApiReply, failure, send } from './api-reply.ts'
import { type AccessPolicy, refusalOf } from './check-access.ts'

/** A request as routes see it. */
export interface ApiRequest {
  /** Segments of the path that the pattern left open, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** Whole; empty when there is none. */
  readonly body: string
  readonly contentType: string
}

export interface ApiRoute {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** `/v1/manifests/:kind/:namespace/:name`. */
  readonly pattern: string
  answer(request: ApiRequest): ApiReply | Promise<ApiReply>
}

/** Something else that is served under the same origin. */
export interface ApiMount {
  /** Whether a request target is its. */
  handles(target: string | undefined): boolean
  onRequest(request: IncomingMessage, response: ServerResponse): void
  onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void
}

export interface ApiServerDeps {
  readonly clock: Clock
  readonly access: AccessPolicy
  readonly routes: readonly ApiRoute[]
  readonly mounts: readonly ApiMount[]
  /** Runs an answer inside a span. */
  readonly trace: <T>(name: string, work: () => Promise<T>) => Promise<T>
  readonly onError: (error: unknown) => void
}

/** A whole set of manifests in one request. */
const MAX_BODY_BYTES = 4 * 1024 * 1024

/** The control plane's REST port: `node:http`, JSON, one table of routes. */
export class ApiServer {
  readonly #deps: ApiServerDeps
  readonly #server: Server
  readonly #upgraded = new Set<Socket>()

  constructor(deps: ApiServerDeps) {
    this.#deps = deps
    this.#server = createServer(
      {
        requestTimeout: 30_000,
        headersTimeout: LIMITS.headTimeoutMs,
        keepAliveTimeout: 5_000,
        maxHeaderSize: LIMITS.requestLineBytes,
      },
      (request, response) => void this.#onRequest(request, response),
    )
    this.#server.maxConnections = 1_000
    this.#server.on('upgrade', (request, socket, head) => this.#onUpgrade(request, socket as Socket, head))
    this.#server.on('clientError', (_, socket) => (socket as Socket).destroy())
  }

  /** The port that it listens on. */
  listen(port: number, host: string): Promise<Result<number, NodeJS.ErrnoException>> {
    return new Promise((resolve) => {
      const onError = (error: NodeJS.ErrnoException): void => resolve(err(error))
      this.#server.once('error', onError)
      this.#server.listen(port, host, () => {
        this.#server.off('error', onError)
        resolve(ok((this.#server.address() as AddressInfo).port))
      })
    })
  }

  /** Takes no more, lets what is under way end within `graceMs`, then cuts. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#upgraded) socket.destroy()
    this.#server.closeIdleConnections()
    const timer = this.#deps.clock.after(graceMs, () => this.#server.closeAllConnections())
    await closed
    timer.cancel()
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = refusalOf(request, this.#deps.access)
    if (refused !== undefined) {
      send(response, refused)
      return
    }
    const mount = this.#mountOf(request)
    if (mount !== undefined) {
      mount.onRequest(request, response)
      return
    }
    try {
      send(response, await this.#answer(request))
    } catch (error) {
      this.#deps.onError(error)
      send(
        response,
        failure(500, { what: 'the control plane failed', where: request.url ?? '', allowed: 'look at its log' }),
      )
    }
  }

  async #answer(request: IncomingMessage): Promise<ApiReply> {
    const url = URL.parse(request.url ?? '', 'http://control-plane')
    const where = `${request.method} ${request.url}`
    if (url === null)
      return failure(400, { what: 'the path is malformed', where, allowed: 'a path such as /v1/status' })
    const matched = this.#deps.routes.flatMap((route) => {
      const params = matchPath(route.pattern, url.pathname)
      return params === undefined ? [] : [{ route, params }]
    })
    const found = matched.find(({ route }) => route.method === request.method)
    if (found === undefined && matched.length > 0) {
      const allowed = matched.map(({ route }) => route.method).join(', ')
      return failure(405, { what: 'the method is not allowed', where, allowed })
    }
    if (found === undefined) {
      const allowed = [...new Set(this.#deps.routes.map(({ pattern }) => pattern))].join(', ')
      return failure(404, { what: 'there is nothing here', where, allowed })
    }
    const body = await readBody(request)
    if (body === undefined)
      return failure(413, { what: 'the body is too large', where, allowed: `at most ${MAX_BODY_BYTES} bytes` })
    const contentType = request.headers['content-type'] ?? ''
    const { route, params } = found
    return this.#deps.trace(`${route.method} ${route.pattern}`, async () =>
      route.answer({ params, query: url.searchParams, body, contentType }),
    )
  }

  #onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => undefined)
    const mount = refusalOf(request, this.#deps.access) === undefined ? this.#mountOf(request) : undefined
    if (mount === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n')
      return
    }
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    mount.onUpgrade(request, socket, head)
  }

  #mountOf(request: IncomingMessage): ApiMount | undefined {
    return this.#deps.mounts.find((mount) => mount.handles(request.url))
  }
}

/**
 * What an open segment may be: a kind, a namespace, a name, an id. A slash that was escaped, dots alone or a control
 * character would make another key of what a route makes of it.
 */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/

/** The open segments of `pattern` in `path`, or undefined when it does not match. */
export function matchPath(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const wanted = pattern.split('/')
  const got = path.split('/')
  if (wanted.length !== got.length) return undefined
  const params: [string, string][] = []
  for (const [i, segment] of wanted.entries()) {
    const value = decode(got[i] ?? '')
    if (value === undefined) return undefined
    if (!segment.startsWith(':')) {
      if (segment !== value) return undefined
    } else if (NAME.test(value)) params.push([segment.slice(1), value])
    else return undefined
  }
  return Object.fromEntries(params)
}

function decode(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}

/** The body as text, or undefined when it is over the limit. Rejects when the caller goes away. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
