import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import http2Proxy from 'http2-proxy'
import { err, ok, type Result } from '../../certs/result.ts'
import { isSameOrigin } from './same-origin.ts'
import { JAEGER_PREFIX, sendUi, toUiLocation } from './ui-response.ts'

/** Jaeger's own UI under our origin. For a `node:http` server: ask `handles` first, then give the request away. */
export interface JaegerProxy {
  /** Whether a request target is ours: `/jaeger`, and what is below it. */
  handles(target: string | undefined): boolean
  onRequest(request: IncomingMessage, response: ServerResponse): void
  onUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void
}

const PROXY_TIMEOUT_MS = 30_000

/**
 * Carries `/jaeger` to Jaeger at `base` (`http://127.0.0.1:16686`, or with the base path that Jaeger was started with).
 * Where the base path is not `/jaeger`, the page's `<base>` and redirects are rewritten, so that Jaeger needs no setting.
 * The error is a sentence.
 */
export function createJaegerProxy(base: string): Result<JaegerProxy, string> {
  const url = URL.parse(base)
  if (
    url === null ||
    (url.protocol !== 'http:' && url.protocol !== 'https:') ||
    url.username !== '' ||
    url.search !== ''
  ) {
    return err(`"${base}" is not where Jaeger can be; wanted an http(s) URL such as http://127.0.0.1:16686`)
  }
  const { hostname, protocol } = url
  const prefix = url.pathname.replace(/\/+$/, '')
  const target = {
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (protocol === 'https:' ? 443 : 80) : Number(url.port),
    protocol: protocol === 'https:' ? ('https' as const) : ('http' as const),
    proxyTimeout: PROXY_TIMEOUT_MS,
  }
  const pathOf = (request: IncomingMessage): string => {
    const path = prefix + (request.url ?? '').slice(JAEGER_PREFIX.length)
    return path.startsWith('/') ? path : `/${path}`
  }
  const isSafe = (request: IncomingMessage): boolean =>
    SAFE_METHODS.has(request.method ?? '') || isSameOrigin(request.headers)

  return ok({
    handles: (requested) => requested !== undefined && /^\/jaeger(?:[/?]|$)/.test(requested),

    onRequest(request, response) {
      if (!isSafe(request)) {
        sendPage(response, 403, 'Cannot pass this request to Jaeger', 'It was sent by a page of another origin.')
        return
      }
      const options = {
        ...target,
        path: pathOf(request),
        onReq: async (_request: IncomingMessage, sent: { headers?: unknown }): Promise<void> => {
          sent.headers = toJaeger(sent.headers as OutgoingHttpHeaders, prefix !== JAEGER_PREFIX)
        },
        onRes: async (_request: IncomingMessage, _response: ServerResponse, received: unknown): Promise<void> => {
          const answer = received as IncomingMessage
          const location = toUiLocation(answer.headers.location, url, prefix)
          if (location !== undefined) answer.headers.location = location
          sendUi(answer, response, prefix !== JAEGER_PREFIX)
        },
      }
      http2Proxy.web(request, response, options, (error: Error | null) => {
        if (error !== null) answerFailure(response, error, base)
      })
    },

    onUpgrade(request, socket, head) {
      // Somebody has to hear of a client that goes away while we answer, or the process ends.
      socket.on('error', () => socket.destroy())
      // The same-origin policy does not bind a WebSocket; each page could open one in the name of its user.
      if (!isSameOrigin(request.headers)) {
        endSocket(socket, '403 Forbidden')
        return
      }
      const options = {
        ...target,
        path: pathOf(request),
        onReq: async (_request: IncomingMessage, sent: { headers?: unknown }): Promise<void> => {
          sent.headers = toJaeger(sent.headers as OutgoingHttpHeaders, false)
        },
        onRes: async (): Promise<void> => endSocket(socket, '502 Bad Gateway'), // Jaeger answered without upgrading
      }
      http2Proxy.ws(request, socket, head, options, (error: Error | null) => {
        if (error !== null) endSocket(socket, '502 Bad Gateway')
      })
    },
  })
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** What the user told us is not for Jaeger; and a page that we are to rewrite must not come packed. */
function toJaeger(headers: OutgoingHttpHeaders, isRewritten: boolean): OutgoingHttpHeaders {
  const { authorization: _authorization, cookie: _cookie, ...rest } = headers
  const isPage = String(rest['accept'] ?? '').includes('text/html')
  return isRewritten && isPage ? { ...rest, 'accept-encoding': 'identity' } : rest
}

function answerFailure(
  response: ServerResponse,
  error: Error & { code?: string; statusCode?: number },
  base: string,
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const isLate = error.statusCode === 504
  const reason = `${isLate ? 'It did not answer in time' : 'It could not be reached'} at ${base} (${error.code ?? error.message}).`
  sendPage(response, isLate ? 504 : 502, 'Jaeger is away', reason)
}

function sendPage(response: ServerResponse, status: number, title: string, reason: string): void {
  const text = (raw: string): string => raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  })
  response.end(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${text(title)}</title>
<body style="font: 16px/1.5 system-ui; max-width: 40em; margin: 4em auto">
<h1>${text(title)}</h1><p>${text(reason)}</p>
<p>The mesh itself is not affected. Check the <code>--jaeger</code> option and whether Jaeger runs, then reload.</p></body></html>
`)
}

function endSocket(socket: Socket, status: string): void {
  if (socket.destroyed) return
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
}
