import { frame } from '../../support/http2-frames.ts'

/** Names and values in turn. */
export type FieldList = readonly string[]

/** An integer of RFC 7541 §5.1 behind a prefix of `bits`, whose other bits are `high`. */
function integer(value: number, bits: number, high = 0): Buffer {
  const most = 2 ** bits - 1
  if (value < most) return Buffer.from([high | value])
  const octets = [high | most]
  let rest = value - most
  for (; rest >= 128; rest = Math.floor(rest / 128)) octets.push(128 + (rest % 128))
  return Buffer.from([...octets, rest])
}

const string = (text: string): Buffer => Buffer.concat([integer(text.length, 7), Buffer.from(text, 'latin1')])

/**
 * A header block of literals without indexing (RFC 7541 §6.2.2), which is the same whatever came before. Made here, and
 * not by the encoder under test.
 */
export function literals(...fields: FieldList): Buffer {
  const parts: Buffer[] = []
  for (let i = 0; i < fields.length; i += 2) {
    parts.push(Buffer.from([0]), string(fields[i] ?? ''), string(fields[i + 1] ?? ''))
  }
  return Buffer.concat(parts)
}

/** A dynamic table size update (RFC 7541 §6.3). */
export const tableSize = (bytes: number): Buffer => integer(bytes, 5, 0x20)

export const GET: FieldList = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'orders']
export const POST: FieldList = [':method', 'POST', ...GET.slice(2)]
export const OK: FieldList = [':status', '200', 'server', 'script']
/** Adds 4 KiB to a head. */
export const BULKY: Buffer = literals('x-bulk', 'x'.repeat(4_096))

export const END_STREAM = 0x1
export const ACK = 0x1
export const END_HEADERS = 0x4
export const PADDED = 0x8
export const PRIORITY = 0x20
export const WHOLE: number = END_STREAM | END_HEADERS

export const headers = (streamId: number, block: Buffer, flags: number = WHOLE): Buffer =>
  frame(1, flags, streamId, block)
export const continuation = (streamId: number, block: Buffer, flags = 0): Buffer => frame(9, flags, streamId, block)
export const data = (streamId: number, body: string | Buffer, flags = 0): Buffer =>
  frame(0, flags, streamId, Buffer.from(body as string))
/** Weight on the wire, one less than what it means. */
export const priority = (streamId: number, dependsOn: number, weight = 255, isExclusive = false): Buffer =>
  frame(2, 0, streamId, priorityFields(dependsOn, weight, isExclusive))
export function priorityFields(dependsOn: number, weight: number, isExclusive: boolean): Buffer {
  const octets = Buffer.alloc(5)
  octets.writeUInt32BE(dependsOn + (isExclusive ? 2 ** 31 : 0))
  octets[4] = weight
  return octets
}
export const ping = (opaque: string, flags = 0): Buffer => frame(6, flags, 0, Buffer.from(opaque.padEnd(8, '\0')))
/** The whole block of a GET, on a stream of its own. */
export const get = (streamId: number): Buffer => headers(streamId, literals(...GET))
