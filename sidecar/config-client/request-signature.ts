import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2'
import { err, ok, type Result } from '../../certs/result.ts'
import { type SignRequest, SignResponse } from '../config/watch-protocol.ts'
import type { Clock } from '../core/clock.ts'
import { parserOf, toLine } from '../core/schema.ts'

/** Why there is no certificate. `retry` is false where another try with the same request must fail, too. */
export interface SignFailure {
  readonly detail: string
  readonly retry: boolean
}

const MAX_ANSWER_BYTES = 256 * 1024
const responseParser = parserOf(SignResponse)

/** Sends `POST /v1/sign` on `session`: with `token`, or as the identity of the connection's certificate. */
export function requestSignature(
  session: ClientHttp2Session,
  request: SignRequest,
  options: { readonly token?: string | undefined; readonly clock: Clock; readonly timeoutMs: number },
): Promise<Result<SignResponse, SignFailure>> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/v1/sign',
      'content-type': 'application/json',
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    })
    const timer = options.clock.after(options.timeoutMs, () => finish(`no answer within ${options.timeoutMs} ms`))
    const chunks: Buffer[] = []
    let bytes = 0
    let status = 0
    const finish = (trouble: string | undefined): void => {
      timer.cancel()
      stream.close()
      resolve(trouble === undefined ? toOutcome(status, Buffer.concat(chunks)) : err({ detail: trouble, retry: true }))
    }
    stream.on('response', (headers: IncomingHttpHeaders) => {
      status = Number(headers[':status'])
    })
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk)
      else finish(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    })
    stream.on('end', () => finish(status === 0 ? 'the connection ended without an answer' : undefined))
    stream.on('error', (error: Error) => finish(error.message))
    stream.on('close', () => finish('the connection ended without an answer'))
    stream.end(JSON.stringify(request))
  })
}

function toOutcome(status: number, body: Buffer): Result<SignResponse, SignFailure> {
  const value = parseJson(body)
  if (status !== 200)
    return err({ detail: reasonIn(value) ?? `status ${status}`, retry: status >= 500 || status === 408 })
  const parsed = responseParser.parse(value)
  if (parsed.ok) return ok(parsed.value)
  return err({ detail: `the answer is malformed: ${parsed.error.map(toLine).join('; ')}`, retry: true })
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

/** The reason in an error of the control plane, `{error: {what, …}}`. */
export function reasonIn(value: unknown): string | undefined {
  const what = (value as { error?: { what?: unknown } } | undefined)?.error?.what
  return typeof what === 'string' ? what : undefined
}
