import type { Random } from '../core/random.ts'

/** The two hexadecimal digits of each octet as one little-endian number: 512 octets of table. */
const PAIRS = new Uint16Array(256)
for (let octet = 0; octet < 256; octet++) {
  const text = octet.toString(16).padStart(2, '0')
  PAIRS[octet] = text.charCodeAt(0) | (text.charCodeAt(1) << 8)
}

const scratch = Buffer.alloc(32)
const digits = new Uint16Array(scratch.buffer, scratch.byteOffset, 16)
const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * A new trace id: 32 lower-case hexadecimal digits, never all zero (W3C Trace Context §3.2.2.3).
 * Written through one scratch buffer, because a string that is joined from pieces has to be flattened again at the socket.
 */
export const newTraceId = (random: Random): string => hexadecimal(random, 16)

/** A new span id: 16 lower-case hexadecimal digits, never all zero (W3C Trace Context §3.2.2.4). */
export const newSpanId = (random: Random): string => hexadecimal(random, 8)

/** `octetCount` random octets (a multiple of four) as hexadecimal digits. */
function hexadecimal(random: Random, octetCount: number): string {
  let seen = 0
  for (let at = 0; at < octetCount; at += 4) {
    let word = (random() * 2 ** 32) >>> 0
    seen |= word
    // An id of zeros means "no id"; one chance in 2^64 is still a chance, and a test's generator may do it at will.
    if (seen === 0 && at === octetCount - 4) word = 1
    digits[at] = PAIRS[word >>> 24] as number
    digits[at + 1] = PAIRS[(word >>> 16) & 0xff] as number
    digits[at + 2] = PAIRS[(word >>> 8) & 0xff] as number
    digits[at + 3] = PAIRS[word & 0xff] as number
  }
  if (!LITTLE_ENDIAN) scratch.swap16()
  return scratch.toString('latin1', 0, octetCount * 2)
}
