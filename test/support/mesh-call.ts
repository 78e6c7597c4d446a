import { type Agent, type IncomingHttpHeaders, request } from 'node:http'

/** How a request is made. */
export interface CallOptions {
  readonly method?: string
  /** Host is the service's name unless it is here. */
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Buffer
  /** Breaks the call off after this long; rejects. */
  readonly timeoutMs?: number
  /** Breaks the call off when it aborts; rejects. */
  readonly signal?: AbortSignal
}

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly trailers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  readonly text: string
}

/** Makes one request to a listener of a sidecar and reads the whole answer. Rejects when there is none, or it is broken off. */
export function callPort(
  port: number,
  target: { readonly host: string; readonly path: string; readonly agent: Agent },
  options: CallOptions = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { body, method = body === undefined ? 'GET' : 'POST', timeoutMs = 60_000 } = options
    const late = AbortSignal.timeout(timeoutMs)
    const headers: Record<string, string | string[]> = { host: target.host, ...options.headers }
    if (body !== undefined && !('content-length' in headers) && !('transfer-encoding' in headers)) {
      headers['content-length'] = String(Buffer.byteLength(body))
    }
    const call = request(
      {
        host: '127.0.0.1',
        port,
        path: target.path,
        method,
        headers,
        agent: target.agent,
        signal: options.signal === undefined ? late : AbortSignal.any([late, options.signal]),
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('aborted', () => reject(new Error('the response was broken off')))
        response.on('end', () => {
          const whole = Buffer.concat(chunks)
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            trailers: response.trailers,
            body: whole,
            get text() {
              return whole.toString('utf8')
            },
          })
        })
      },
    )
    call.on('error', reject)
    call.end(body)
  })
}
