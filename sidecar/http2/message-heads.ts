import { type Fields, type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { cleanTrailers } from '../http/header-rules.ts'
import type { HeaderBlock } from './hpack/header-block.ts'
import { readRequestLine } from './request-line.ts'

/**
 * The request that a header block says, or in words why it is malformed (RFC 9113 §8.1.1).
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
  if (block.malformed !== undefined) return block.malformed
  const line = readRequestLine(block)
  if (typeof line === 'string') return line
  if (isEnd && block.contentLength > 0) return 'content-length without a body'
  if (line.isTunnel && (isEnd || block.contentLength >= 0)) return 'a tunnel with the body or the end of a request'
  const bodyLength = isEnd ? 0 : block.contentLength >= 0 ? block.contentLength : UNKNOWN_LENGTH
  return {
    method: line.method,
    scheme: line.scheme,
    authority: line.authority,
    path: line.path,
    fields: block.fields,
    bodyLength,
    upgrade: line.upgrade,
    expectsContinue: block.expectsContinue && !isEnd,
  }
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

/**
 * The trailers that a header block says, without those that would frame, route or authenticate (RFC 9110 §6.5.1),
 * or undefined when it is malformed: pseudo-fields have no place in them (RFC 9113 §8.1).
 */
export function toTrailers(block: HeaderBlock): Fields | undefined {
  const pseudo = block.method ?? block.scheme ?? block.authority ?? block.path ?? block.protocol ?? block.status
  if (block.malformed !== undefined || block.isTooLarge || pseudo !== undefined) return undefined
  return cleanTrailers(block.fields)
}
