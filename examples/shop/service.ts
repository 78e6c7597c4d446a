import {
  createServer,
  get,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http'

/** What an application must do for its traces to be joined: pass these fields from the request it serves to those it makes. */
const TRACE_FIELDS = ['traceparent', 'tracestate', 'baggage', 'b3', 'x-request-id'] as const

/** One route of a service. What it returns is sent as JSON; what it throws, as 500 or the status it carries. */
export type Handler = (url: URL, incoming: IncomingMessage, body: string) => Promise<unknown> | unknown

/** An answer other than 200. */
export class HttpError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Serves `routes` (`'GET /orders'`) on PORT until SIGTERM; then finishes what is in flight. */
export function serve(name: string, routes: Readonly<Record<string, Handler>>): void {
  const port = Number(process.env['PORT'] ?? 0)
  const server = createServer((incoming, response) => void answer(routes, incoming, response))
  server.keepAliveTimeout = 60_000
  server.listen(port, '127.0.0.1', () => console.log(`${name} listens on ${port}`))
  process.once('SIGTERM', () => server.close(() => process.exit(0)))
}

async function answer(
  routes: Readonly<Record<string, Handler>>,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://service')
  const handler =
    routes[`${incoming.method} ${url.pathname}`] ?? routes[`${incoming.method} /${url.pathname.split('/')[1]}/*`]
  try {
    const body = await textOf(incoming)
    if (handler === undefined) throw new HttpError(404, `no ${incoming.method} ${url.pathname} here`)
    send(response, 200, await handler(url, incoming, body))
  } catch (error) {
    send(response, error instanceof HttpError ? error.status : 500, { error: String(error) })
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value)
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    .end(body)
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of message) text += chunk
  return text
}

/** Calls another service by the URL in `NAME_URL`, as any application would: plain HTTP, no mesh in the code. */
export async function call(
  name: string,
  path: string,
  incoming: IncomingHttpHeaders,
  body?: unknown,
): Promise<unknown> {
  const base = process.env[`${name.toUpperCase()}_URL`]
  if (base === undefined) throw new Error(`${name.toUpperCase()}_URL is not set`)
  const headers: Record<string, string> = {}
  for (const field of TRACE_FIELDS) {
    const value = incoming[field]
    if (typeof value === 'string') headers[field] = value
  }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { headers, timeout: 5_000 }
    if (body === undefined) get(`${base}${path}`, options, resolve).on('error', reject)
    else
      request(`${base}${path}`, { ...options, method: 'POST' }, resolve)
        .on('error', reject)
        .end(JSON.stringify(body))
  })
  const text = await textOf(response)
  if ((response.statusCode ?? 500) >= 400)
    throw new HttpError(response.statusCode ?? 500, `${name} said ${response.statusCode}: ${text.trim()}`)
  return JSON.parse(text)
}
