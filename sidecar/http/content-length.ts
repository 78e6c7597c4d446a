/** `Content-Length` that is no number. */
export const INVALID_LENGTH = -2

/**
 * The value of `Content-Length`: digits only, no sign, no space, no list, no leading zero, at most 2^53−1 (RFC 9110 §8.6,
 * stricter: implementations differ on everything else, and what they differ on is request smuggling).
 * Returns the length in octets, or `INVALID_LENGTH`.
 */
export function parseContentLength(text: string): number {
  const digits = text.length
  if (digits === 0 || digits > 16) return INVALID_LENGTH
  if (digits > 1 && text.charCodeAt(0) === 0x30) return INVALID_LENGTH
  let length = 0
  for (let i = 0; i < digits; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return INVALID_LENGTH
    length = length * 10 + digit
  }
  return length <= Number.MAX_SAFE_INTEGER ? length : INVALID_LENGTH
}
