import { block } from '../support/http2-frames.ts'
import type { Target } from './attack.ts'

/** Bodies and manners of the application behind the sidecars. */
export const PATHS = {
  /** A few octets. */
  small: '/',
  /** 200 KiB. */
  page: '/page',
  /** Eight MiB. */
  large: '/large',
  /** Takes a body, and never reads it. */
  unread: '/unread',
  /** A head of four KiB, and no body. */
  cookie: '/cookie',
  /** Never answers. */
  silent: '/silent',
} as const

/** A block that makes a request, without the dynamic table. */
export function request(target: Target, method: string, path: string, ...more: readonly string[]): Buffer {
  const { door, authority, appPort } = target
  const port = door === 'link' ? ['x-outrigger-port', String(appPort)] : []
  return block(':method', method, ':scheme', 'http', ':authority', authority, ':path', path, ...port, ...more)
}

/** Ids of streams that a client opens, the n-th. */
export const idOf = (n: number): number => 2 * n + 1

/** A literal with incremental indexing and a new name: it stands first in the dynamic table from then on (index 62). */
export function indexed(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)])
}

/** The newest entry of the dynamic table, `count` times, an octet each. */
export const references = (count: number): Buffer => Buffer.alloc(count, 0xbe)

/** A string literal without Huffman code (RFC 7541 §5.2). */
function text(value: string): Buffer {
  const octets = Buffer.from(value, 'latin1')
  if (octets.length < 127) return Buffer.concat([Buffer.from([octets.length]), octets])
  const rest: number[] = []
  let left = octets.length - 127
  for (; left >= 128; left >>>= 7) rest.push((left & 127) | 128)
  return Buffer.concat([Buffer.from([127, ...rest, left]), octets])
}
