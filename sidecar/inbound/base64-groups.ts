const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PADDING = '='.charCodeAt(0)
/** What no letter stands for: it is in every number that has one in it. */
const INVALID = 0x80
/** Six bits by character code; `INVALID` for all others. */
const SEXTETS = new Uint8Array(256).fill(INVALID)
for (let i = 0; i < LETTERS.length; i++) SEXTETS[LETTERS.charCodeAt(i)] = i

/**
 * Octets of whole groups of base64 (RFC 4648 §4), each of which may be padded, as its writer does wherever it flushes;
 * undefined when that is not what it is. One pass: a body of padded groups alone costs no more than another.
 * @param text a multiple of four characters of Latin-1
 */
export function decodeGroups(text: string): Buffer | undefined {
  if (!text.includes('=')) return /^[A-Za-z0-9+/]*$/.test(text) ? Buffer.from(text, 'base64') : undefined
  const octets = Buffer.allocUnsafe((text.length / 4) * 3)
  let length = 0
  for (let at = 0; at < text.length; at += 4) {
    const isPadded = text.charCodeAt(at + 3) === PADDING
    const isTwicePadded = isPadded && text.charCodeAt(at + 2) === PADDING
    const a = sextet(text, at)
    const b = sextet(text, at + 1)
    const c = isTwicePadded ? 0 : sextet(text, at + 2)
    const d = isPadded ? 0 : sextet(text, at + 3)
    if (((a | b | c | d) & INVALID) !== 0) return undefined
    octets[length++] = (a << 2) | (b >> 4)
    if (!isTwicePadded) octets[length++] = (b << 4) | (c >> 2)
    if (!isPadded) octets[length++] = (c << 6) | d
  }
  return octets.subarray(0, length)
}

const sextet = (text: string, at: number): number => SEXTETS[text.charCodeAt(at)] ?? INVALID
