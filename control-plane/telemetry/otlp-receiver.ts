import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGunzip } from 'node:zlib'
import { err, ok, type Result } from '../../certs/result.ts'
import { LIMITS } from '../../sidecar/core/limits.ts'
import { readExport } from './received-span.ts'
import { TraceStore } from './trace-store.ts'

/** A receiver that listens. */
export interface OtlpReceiver extends AsyncDisposable {
  /** Base URL: what `otlpEndpoint` should say. */
  readonly url: string
  readonly store: TraceStore
  close(): Promise<void>
}

/** Where to listen; port 0 takes a free one. */
export interface OtlpReceiverOptions {
  readonly host?: string
  readonly port?: number
  readonly store?: TraceStore
}

/**
 * A small OTLP/HTTP endpoint that keeps traces in memory: enough to print one, where no Jaeger is about.
 * `POST /v1/traces` (JSON, gzip allowed), `GET /traces`, `GET /traces/<id>`. Rejects when the port is taken.
 */
export async function startOtlpReceiver(options: OtlpReceiverOptions = {}): Promise<OtlpReceiver> {
  const store = options.store ?? new TraceStore()
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 16 * 1024 },
    (req, res) => {
      void answer(req, store).then(({ status, body }) => send(res, status, body))
    },
  )
  server.maxConnections = 1_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://${options.host ?? '127.0.0.1'}:${port}`, store, close, [Symbol.asyncDispose]: close }
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

async function answer(req: IncomingMessage, store: TraceStore): Promise<Answer> {
  const path = (req.url ?? '/').split('?', 1)[0] ?? '/'
  if (req.method === 'POST' && path === '/v1/traces') return receive(req, store)
  if (req.method !== 'GET') return { status: 405, body: { message: `Cannot ${req.method} ${path}` } }
  if (path === '/traces') return { status: 200, body: { traces: store.list() } }
  const traceId = /^\/traces\/([0-9a-f]{32})$/.exec(path)?.[1]
  const spans = traceId === undefined ? [] : store.spans(traceId)
  return spans.length > 0
    ? { status: 200, body: { traceId, spans } }
    : {
        status: 404,
        body: { message: traceId === undefined ? `Cannot find ${path}: ask for /traces` : notKept(traceId) },
      }
}

const notKept = (traceId: string): string =>
  `Trace ${traceId} is not here, or no longer: the newest are kept; /traces lists them`

async function receive(req: IncomingMessage, store: TraceStore): Promise<Answer> {
  if (req.headers['content-type']?.split(';', 1)[0]?.trim() !== 'application/json') {
    return { status: 415, body: { message: 'Cannot read the export: only application/json is understood' } }
  }
  const text = await readBody(req)
  if (!text.ok) return { status: text.error, body: { message: 'Cannot read the export: too long, or broken off' } }
  let body: unknown
  try {
    body = JSON.parse(text.value)
  } catch {
    return { status: 400, body: { message: 'Cannot read the export: expected JSON' } }
  }
  const { spans, rejected } = readExport(body)
  let kept = 0
  for (const span of spans) if (store.add(span)) kept++
  const lost = rejected + spans.length - kept
  return { status: 200, body: lost === 0 ? {} : { partialSuccess: { rejectedSpans: String(lost) } } }
}

/** The whole body as text, unpacked and bounded after unpacking: a small packed body must not become a large one here. */
function readBody(req: IncomingMessage): Promise<Result<string, 400 | 413>> {
  return new Promise((resolve) => {
    const isPacked = req.headers['content-encoding'] === 'gzip'
    const source = isPacked ? req.pipe(createGunzip()) : req
    const chunks: Buffer[] = []
    let length = 0
    const fail = (status: 400 | 413): void => {
      req.unpipe()
      req.resume()
      resolve(err(status))
    }
    source.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > LIMITS.receivedExportBytes) fail(413)
      else chunks.push(chunk)
    })
    source.on('end', () => resolve(ok(Buffer.concat(chunks).toString('utf8'))))
    source.on('error', () => fail(400))
    req.on('error', () => fail(400))
    req.on('close', () => {
      if (!req.complete) fail(400)
    })
  })
}

function send(res: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
  // The rest of a refused body is not worth reading.
  res.writeHead(status, status === 413 ? { ...headers, connection: 'close' } : headers).end(text)
}
