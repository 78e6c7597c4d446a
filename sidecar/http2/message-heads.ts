import { canonicalAuthority } from '../http/authority.ts'
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { isTarget, isToken } from '../http/octets.ts'
import type { HeaderBlock } from './hpack/header-block.ts'

/**
 * The request that a header block says, or in words why it is malformed (RFC 9113 §8.3.1, §8.5; RFC 8441 §4).
 * Extended CONNECT for `websocket` becomes the GET with `upgrade` that it stands for, and its body bytes, like those of
 * CONNECT, are the tunnel's: their length is unknown. The head is kept in the block.
 */
export function toRequestHead(block: HeaderBlock, isEnd: boolean): RequestHead | string {
  const known = isEnd ? block.endedRequest : block.openRequest
  if (known !== undefined) return known
  const head = makeRequestHead(block, isEnd)
  if (typeof head === 'string') return head
  if (isEnd) block.endedRequest = head
  else block.openRequest = head
  return head
}

function makeRequestHead(block: HeaderBlock, isEnd: boolean): RequestHead | string {
  const { method, scheme, path, protocol, fields } = block
  if (block.malformed !== undefined) return block.malformed
  if (block.status !== undefined) return ':status in a request'
  if (method === undefined || !isToken(method)) return 'no valid :method'
  const authority = authorityOf(block)
  if (authority === undefined) return ':authority is invalid, or host differs from it'
  if (method === 'CONNECT' && protocol === undefined) {
    if (scheme !== undefined || path !== undefined) return 'CONNECT with :scheme or :path'
    if (authority === '' || block.contentLength >= 0 || isEnd) return 'CONNECT without :authority, or with a body'
    return {
      method,
      scheme: 'http',
      authority,
      path: authority,
      fields,
      bodyLength: UNKNOWN_LENGTH,
      upgrade: undefined,
      expectsContinue: false,
    }
  }
  if (scheme !== 'http' && scheme !== 'https') return 'no valid :scheme'
  if (path === undefined || !isPath(path, method)) return 'no valid :path'
  if (protocol !== undefined) {
    if (method !== 'CONNECT' || protocol !== 'websocket') return ':protocol is not that of an upgrade taken here'
    if (authority === '' || block.contentLength >= 0 || isEnd)
      return 'Extended CONNECT without :authority, or with a body'
    return {
      method: 'GET',
      scheme,
      authority,
      path,
      fields,
      bodyLength: UNKNOWN_LENGTH,
      upgrade: protocol,
      expectsContinue: false,
    }
  }
  if (isEnd && block.contentLength > 0) return 'content-length without a body'
  const bodyLength = isEnd ? 0 : block.contentLength >= 0 ? block.contentLength : UNKNOWN_LENGTH
  return {
    method,
    scheme,
    authority,
    path,
    fields,
    bodyLength,
    upgrade: undefined,
    expectsContinue: block.expectsContinue,
  }
}

/** `:authority`, or `host` in its place; undefined when invalid, or when both are there and differ. */
function authorityOf(block: HeaderBlock): string | undefined {
  const { authority, host } = block
  const canonical = canonicalAuthority(authority ?? host ?? '')
  if (authority === undefined || host === undefined) return canonical
  return canonicalAuthority(host) === canonical ? canonical : undefined
}

/** Origin form, or `*` for OPTIONS; nothing that another hop, on HTTP/1, would read as more than a target. */
function isPath(path: string, method: string): boolean {
  if (path === '*') return method === 'OPTIONS'
  return path.charCodeAt(0) === 0x2f && isTarget(path)
}

/** What a header block says that a server sent. */
export type ResponseBlock =
  | { readonly kind: 'interim'; readonly status: number; readonly fields: Fields }
  | { readonly kind: 'final'; readonly head: ResponseHead }
  | { readonly kind: 'malformed'; readonly reason: string }

const STATUS = /^[1-5][0-9][0-9]$/

/** The final response that a header block says when it was seen before; `mayHaveBody` is false for the response to HEAD. */
export const findResponseHead = (block: HeaderBlock, isEnd: boolean, mayHaveBody: boolean): ResponseHead | undefined =>
  mayHaveBody ? (isEnd ? block.endedResponse : block.openResponse) : undefined

/** Reads the head of a response (RFC 9113 §8.3.2). A final head is kept in the block. */
export function readResponse(block: HeaderBlock, isEnd: boolean, mayHaveBody: boolean): ResponseBlock {
  const malformed = (reason: string): ResponseBlock => ({ kind: 'malformed', reason })
  if (block.malformed !== undefined) return malformed(block.malformed)
  if (block.method ?? block.scheme ?? block.authority ?? block.path ?? block.protocol) {
    return malformed('a pseudo-field of requests in a response')
  }
  if (block.status === undefined || !STATUS.test(block.status)) return malformed('no valid :status')
  const status = Number(block.status)
  if (status < 200) {
    // RFC 9113 §8.6: no 101. §8.1: an interim response does not end the stream.
    if (status === 101 || isEnd) return malformed('an interim response with 101 or END_STREAM')
    return { kind: 'interim', status, fields: block.fields }
  }
  const hasBody = mayHaveBody && status !== 204 && status !== 304
  if (isEnd && hasBody && block.contentLength > 0) return malformed('content-length without a body')
  const bodyLength = isEnd || !hasBody ? 0 : block.contentLength >= 0 ? block.contentLength : UNKNOWN_LENGTH
  const head: ResponseHead = { status, fields: block.fields, bodyLength }
  if (mayHaveBody) {
    if (isEnd) block.endedResponse = head
    else block.openResponse = head
  }
  return { kind: 'final', head }
}

/** The trailers that a header block says, or undefined when it is malformed: pseudo-fields have no place in them (RFC 9113 §8.1). */
export function toTrailers(block: HeaderBlock): Fields | undefined {
  const pseudo = block.method ?? block.scheme ?? block.authority ?? block.path ?? block.protocol ?? block.status
  if (block.malformed !== undefined || block.isTooLarge || pseudo !== undefined) return undefined
  return block.fields.length === 0 ? NO_FIELDS : block.fields
}
