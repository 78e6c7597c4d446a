import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { err, ok, type Result } from '../../certs/result.ts'
import { LIMITS } from '../core/limits.ts'
import { listenProblem } from '../core/listen-problem.ts'

/** What a route answers. An object is written as JSON, text as it is. */
export interface LocalAnswer {
  readonly status: number
  readonly body: object | string
  readonly contentType?: string
}

/** Answers one request of the control surface. `body` is the request's, complete. May throw: that is answered with 500. */
export type LocalRoute = (request: IncomingMessage, body: string) => LocalAnswer | Promise<LocalAnswer>

/** A server of the control surface that listens. */
export interface LocalServer extends AsyncDisposable {
  /** As it was bound: what port 0 became. */
  readonly port: number
  /** Stops listening and breaks off what is under way: nothing here is worth waiting for. */
  close(): Promise<void>
}

/** How a server of the control surface is built. */
export interface LocalServerOptions {
  /** The flag that the address comes from: named when it can't be had. */
  readonly flag: string
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  /** By `METHOD /path`. */
  readonly routes: Readonly<Record<string, LocalRoute>>
  /** A reason to refuse a request before any route sees it. */
  readonly refuse?: (request: IncomingMessage) => LocalAnswer | undefined
}

/**
 * Listens with `node:http`: this is the control surface, not the data path. Answers the reason when the port can't be had.
 * Connections are few and short, bodies small, and nobody may hold either; a request before the last one is answered ends
 * the connection.
 */
export function listenLocal(options: LocalServerOptions): Promise<Result<LocalServer, string>> {
  const answering = new WeakSet<Socket>()
  const server = createServer(
    {
      requestTimeout: 5_000,
      headersTimeout: 5_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000, // by default a silent connection would be looked at every 30 s
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => {
      const { socket } = request
      // Node parses all that was read at once: thousands of requests would be answered in one turn of the event loop.
      if (answering.has(socket)) return void socket.destroy()
      answering.add(socket)
      response.once('finish', () => answering.delete(socket))
      void answer(options, request).then((given) => send(request, response, given))
    },
  )
  server.setTimeout(5_000) // also for an answer that nobody reads
  server.maxConnections = 1_000
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(err(listenProblem(options.flag, options, error)))
    })
    server.listen(options.port, options.host, () => resolve(ok(toLocalServer(server))))
  })
}

function toLocalServer(server: Server): LocalServer {
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close }
}

async function answer(options: LocalServerOptions, request: IncomingMessage): Promise<LocalAnswer> {
  const refusal = options.refuse?.(request)
  if (refusal !== undefined) return refusal
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET')
  const route = options.routes[`${method} ${path}`]
  if (route === undefined) return unknown(options, path)
  const body = await readBody(request)
  if (body === undefined) return { status: 413, body: { error: `the body is over ${LIMITS.adminBodyBytes} octets` } }
  try {
    return await route(request, body)
  } catch (cause) {
    return { status: 500, body: { error: cause instanceof Error ? cause.message : String(cause) } }
  }
}

function unknown(options: LocalServerOptions, path: string): LocalAnswer {
  const known = Object.keys(options.routes)
  const other = known.filter((key) => key.endsWith(` ${path}`))
  return other.length > 0
    ? { status: 405, body: { error: `wanted ${other.join(' or ')}` } }
    : { status: 404, body: { error: `nothing is at ${path}`, routes: known } }
}

/** The body as text; undefined when it is too long or broken off. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= LIMITS.adminBodyBytes) chunks.push(chunk)
      else resolve(undefined)
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.on('close', () => resolve(undefined))
  })
}

function send(request: IncomingMessage, response: ServerResponse, { status, body, contentType }: LocalAnswer): void {
  const text = typeof body === 'string' ? body : `${JSON.stringify(body, undefined, 2)}\n`
  response.writeHead(status, {
    'content-type': contentType ?? (typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json'),
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // A body that was not read to its end can't be followed by another request.
    ...(request.complete ? {} : { connection: 'close' }),
  })
  response.end(request.method === 'HEAD' ? '' : text)
}
