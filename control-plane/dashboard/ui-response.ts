import type { IncomingMessage, ServerResponse } from 'node:http'

/** Where Jaeger's UI is under our origin. */
export const JAEGER_PREFIX = '/jaeger'

/** The largest page that is rewritten; Jaeger's is 3 KB. A larger one goes on as it is. */
const PAGE_BYTES = 256 * 1024

/**
 * Passes a response of Jaeger's on. Where `isRewritten`, the `<base>` of a page is set to our prefix: Jaeger's UI finds
 * its scripts and its API by it.
 */
export function sendUi(answer: IncomingMessage, response: ServerResponse, isRewritten: boolean): void {
  const isPage = (answer.headers['content-type'] ?? '').startsWith('text/html')
  const hasBody = response.req.method !== 'HEAD'
  if (!isRewritten || !isPage || !hasBody || answer.headers['content-encoding'] !== undefined) {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
    return
  }
  const chunks: Buffer[] = []
  let length = 0
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk)
    length += chunk.length
    if (length <= PAGE_BYTES) return
    answer.off('data', onData).off('end', onEnd)
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    for (const kept of chunks) response.write(kept)
    answer.pipe(response)
  }
  const onEnd = (): void => {
    const page = Buffer.concat(chunks)
      .toString('utf8')
      .replace(/<base href="[^"]*"/, `<base href="${JAEGER_PREFIX}/"`)
    const { etag: _etag, ...headers } = answer.headers
    response.writeHead(answer.statusCode ?? 502, { ...headers, 'content-length': Buffer.byteLength(page) })
    response.end(page)
  }
  answer.on('data', onData).on('end', onEnd)
}

/** A redirect of Jaeger's, as seen from outside; undefined where it needs no change. */
export function toUiLocation(location: string | undefined, jaeger: URL, prefix: string): string | undefined {
  if (location === undefined) return undefined
  const url = URL.parse(location, jaeger)
  if (url === null || url.host !== jaeger.host || !`${url.pathname}/`.startsWith(`${prefix}/`)) return undefined
  if (!location.startsWith('/') && !/^https?:/i.test(location)) return undefined // relative: right as it is
  return JAEGER_PREFIX + url.pathname.slice(prefix.length) + url.search + url.hash
}
