import type { Fields, RequestHead, ResponseHead } from '../http/head.ts'
import type { OutputBuffer } from './frame/output-buffer.ts'
import type { HpackEncoder } from './hpack/encoder.ts'

/** Appends the header block of a request; an upgrade to websocket as Extended CONNECT (RFC 8441). `extra` comes last and is not cached. */
export function encodeRequest(encoder: HpackEncoder, out: OutputBuffer, head: RequestHead, extra: Fields): void {
  encoder.begin(out)
  if (!encoder.copyKnown(out, head)) {
    encoder.startKnown(out)
    encodeRequestLine(encoder, out, head)
    encoder.fields(out, head.fields)
    if (head.expectsContinue) encoder.field(out, 'expect', '100-continue')
    encoder.remember(out, head)
  }
  encoder.freshFields(out, extra)
}

function encodeRequestLine(encoder: HpackEncoder, out: OutputBuffer, head: RequestHead): void {
  const isUpgrade = head.upgrade !== undefined
  encoder.field(out, ':method', isUpgrade ? 'CONNECT' : head.method)
  if (isUpgrade || head.method !== 'CONNECT') encoder.field(out, ':scheme', head.scheme)
  if (head.authority !== '') encoder.field(out, ':authority', head.authority)
  if (head.upgrade !== undefined) encoder.field(out, ':protocol', head.upgrade)
  // The path last: it varies most, and what comes before it stays one cached run at the other end.
  if (isUpgrade || head.method !== 'CONNECT') encoder.field(out, ':path', head.path)
}

/** What a peer must hold for the head of a request, as RFC 9113 §6.5.2 counts it: 32 octets beside each name and value. */
export function headListBytes(head: RequestHead, extra: Fields): number {
  const line = head.method.length + head.path.length + head.authority.length + (head.upgrade?.length ?? 0)
  return line + LINE_BYTES + fieldListBytes(head.fields) + fieldListBytes(extra)
}

function fieldListBytes(fields: Fields): number {
  let bytes = 16 * fields.length
  for (let i = 0; i < fields.length; i++) bytes += (fields[i] as string).length
  return bytes
}

/** The five pseudo-fields' names, their 32 octets each, the scheme, and `expect: 100-continue`: at most so many. */
const LINE_BYTES = 300

/** Appends the header block of a final response; `status` as it goes on the wire. */
export function encodeResponse(encoder: HpackEncoder, out: OutputBuffer, head: ResponseHead, status: number): void {
  encoder.begin(out)
  if (encoder.copyKnown(out, head)) return
  encoder.startKnown(out)
  encoder.field(out, ':status', STATUS_TEXT[status] ?? String(status))
  encoder.fields(out, head.fields)
  encoder.remember(out, head)
}

/** Appends the header block of an interim response, or, with status 0, of trailers. */
export function encodeFields(encoder: HpackEncoder, out: OutputBuffer, status: number, fields: Fields): void {
  encoder.begin(out)
  if (status > 0) encoder.field(out, ':status', String(status))
  encoder.fields(out, fields)
}

const STATUS_TEXT: readonly string[] = Array.from({ length: 600 }, (_, status) => String(status))
