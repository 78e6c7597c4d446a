import { byteAt } from '../../core/byte-at.ts'

const MAX_INTEGER = 2 ** 31 - 1

/** An integer and the offset of the octet after it. */
export interface ReadInteger {
  readonly value: number
  readonly next: number
}

/**
 * Reads an HPACK integer whose first octet, at `at`, has `prefixBits` bits of it (1–8); the block ends before `end`.
 *
 * Source: RFC 7541 §5.1. Limit: 2^31 − 1 and five continuation octets; a longer encoding is an attack, not a number.
 * Returns the value and the offset after it; 'truncated' if the block ends first; 'overflow' past the limit.
 * Both words mean COMPRESSION_ERROR for the connection (RFC 9113 §4.3). Callers read the one-octet form themselves:
 * this allocates.
 */
export function readInteger(
  block: Uint8Array,
  at: number,
  end: number,
  prefixBits: number,
): ReadInteger | 'truncated' | 'overflow' {
  if (at >= end) return 'truncated'
  const mask = (1 << prefixBits) - 1
  let value = byteAt(block, at) & mask
  if (value < mask) return { value, next: at + 1 }
  for (let i = at + 1, shift = 0; i < end; i++, shift += 7) {
    if (shift > 28) return 'overflow'
    const octet = byteAt(block, i)
    value += (octet & 0x7f) * 2 ** shift
    if ((octet & 0x80) === 0) return value <= MAX_INTEGER ? { value, next: i + 1 } : 'overflow'
  }
  return 'truncated'
}

/**
 * Writes `value` behind the bits `pattern` of a first octet with `prefixBits` bits left for it (RFC 7541 §5.1).
 * Needs up to six octets of room at `at`. Returns the offset after it.
 */
export function writeInteger(
  block: Uint8Array,
  at: number,
  value: number,
  prefixBits: number,
  pattern: number,
): number {
  const mask = (1 << prefixBits) - 1
  if (value < mask) {
    block[at] = pattern | value
    return at + 1
  }
  block[at] = pattern | mask
  let rest = value - mask
  let next = at + 1
  while (rest >= 0x80) {
    block[next++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  block[next++] = rest
  return next
}
