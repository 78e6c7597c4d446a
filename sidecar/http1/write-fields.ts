import type { Fields } from '../http/head.ts'

/** Field lines as text, one octet a character. `content-length` is left out where framing writes it anew. */
export function fieldLines(fields: Fields, keepLength: boolean): string {
  let text = ''
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string
    if (keepLength || name !== 'content-length') text += `${name}: ${fields[i + 1]}\r\n`
  }
  return text
}

/** The line before the data of a chunk. */
export const chunkHead = (length: number): string => `${length.toString(16)}\r\n`

/** What follows the data of a chunk. */
export const CHUNK_END = '\r\n'

/** The last chunk with the trailer section (RFC 9112 §7.1). */
export const lastChunk = (trailers: Fields): string =>
  trailers.length === 0 ? '0\r\n\r\n' : `0\r\n${fieldLines(trailers, false)}\r\n`
