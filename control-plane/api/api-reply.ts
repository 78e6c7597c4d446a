import type { ServerResponse } from 'node:http'

/** An error as every part of the control plane tells it, with all its single problems where there are several. */
export interface ApiError {
  /** What is wrong. */
  readonly what: string
  /** File and field, path, or parameter. */
  readonly where: string
  /** What would be right. */
  readonly allowed: string
  readonly problems?: readonly unknown[]
}

/** What a route answers. */
export type ApiReply =
  | { readonly status: number; readonly body: unknown }
  | { readonly status: number; readonly error: ApiError }

/** An answer that went well. */
export const reply = (body: unknown, status = 200): ApiReply => ({ status, body })

/** An answer that says no. */
export const failure = (status: number, error: ApiError): ApiReply => ({ status, error })

/** Sends a reply, once. Nothing is cached, and nothing is taken for another type than it is. */
export function send(response: ServerResponse, answer: ApiReply): void {
  if (response.headersSent || response.destroyed) return
  const text = `${JSON.stringify('error' in answer ? { error: answer.error } : answer.body)}\n`
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(answer.status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  })
  response.end(text)
}
