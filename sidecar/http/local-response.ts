import { errorFacts, type MeshError } from '../core/mesh-errors.ts'
import { findField, hasField } from './fields.ts'
import { type Fields, NO_FIELDS, type ResponseHead } from './head.ts'
import { ERROR_FIELD } from './header-rules.ts'
import type { DownstreamStream } from './streams.ts'

/** A response that the mesh makes by itself. Send `head` with `end` when `body` is empty. */
export interface LocalResponse {
  readonly head: ResponseHead
  readonly body: Buffer
}

const NO_BODY: Buffer = Buffer.alloc(0)

/** Whether the caller speaks gRPC, and must be answered in its terms. */
export const isGrpc = (requestFields: Fields): boolean =>
  findField(requestFields, 'content-type')?.startsWith('application/grpc') === true

/**
 * The answer to a request that the mesh itself refuses: the one maker of such responses.
 * Says the code in `x-outrigger-error`; a caller that speaks gRPC gets its status in a trailers-only response (HTTP 200).
 * @param extra further fields, `retry-after` say
 */
export function localResponse(error: MeshError, request: Fields, extra: Fields = []): LocalResponse {
  return isGrpc(request) ? grpcResponse(error, request, extra) : plainResponse(error, extra)
}

/**
 * The same on a mesh link: a refusal in gRPC's terms keeps its HTTP status there, by which the caller's sidecar knows a
 * failure, tries again elsewhere and ejects. `relayedToCaller` takes it away.
 */
export function linkResponse(error: MeshError, request: Fields): LocalResponse {
  const { head, body } = localResponse(error, request)
  return { head: { ...head, status: errorFacts(error.code).http }, body }
}

/** What the caller hears of an answer that came over a mesh link: a refusal of the sidecar there in gRPC's terms is HTTP 200. */
export function relayedToCaller(head: ResponseHead): ResponseHead {
  if (head.status < 400 || !hasField(head.fields, ERROR_FIELD)) return head
  return hasField(head.fields, 'grpc-status') ? { ...head, status: 200 } : head
}

/** The answer that a decision has made up. */
export function decidedResponse(decided: { status: number; fields: Fields; body: string }): LocalResponse {
  const body = Buffer.from(decided.body)
  return { head: { status: decided.status, fields: decided.fields, bodyLength: body.length }, body }
}

/** Sends a response that is there as a whole; the answer to HEAD without its body. */
export function sendWhole(stream: DownstreamStream, method: string, { head, body }: LocalResponse): void {
  const isBodiless = body.length === 0 || method === 'HEAD'
  stream.sendHead(head, isBodiless)
  if (isBodiless) return
  stream.sendBody(body)
  stream.sendEnd(NO_FIELDS)
}

function plainResponse(error: MeshError, extra: Fields): LocalResponse {
  const body = Buffer.from(`${error.code}: ${error.detail}\n`)
  const fields = [
    'content-type',
    'text/plain; charset=utf-8',
    'content-length',
    String(body.length),
    ERROR_FIELD,
    error.code,
    ...extra,
  ]
  return { head: { status: errorFacts(error.code).http, fields, bodyLength: body.length }, body }
}

/** gRPC over HTTP/2, "Trailers-Only": status and message in the only header block. A caller of gRPC-Web reads it there, too. */
function grpcResponse(error: MeshError, request: Fields, extra: Fields): LocalResponse {
  const said = findField(request, 'content-type')
  const fields = [
    'content-type',
    said?.startsWith('application/grpc-web') === true ? said : 'application/grpc',
    'grpc-status',
    String(errorFacts(error.code).grpc),
    'grpc-message',
    grpcMessage(`${error.code}: ${error.detail}`),
    ERROR_FIELD,
    error.code,
    ...extra,
  ]
  return { head: { status: 200, fields, bodyLength: 0 }, body: NO_BODY }
}

/** `grpc-message` is percent-encoded outside of printable US-ASCII (gRPC over HTTP/2, "Responses"). */
function grpcMessage(text: string): string {
  let encoded = ''
  for (const octet of Buffer.from(text)) {
    encoded +=
      octet >= 0x20 && octet <= 0x7e && octet !== 0x25
        ? String.fromCharCode(octet)
        : `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}
