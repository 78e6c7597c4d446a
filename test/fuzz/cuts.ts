import assert from 'node:assert/strict'
import { seededRandom } from '../../sidecar/core/random.ts'

/** Longer inputs are not cut into single octets: a codec that copies what is not complete would take its square. */
const SINGLE_OCTETS = 3_000
const RANDOM_CUTS = 2

/** The input cut in two at every place, and into single octets. */
export function* everyCut(input: Buffer): Generator<Buffer[]> {
  for (let at = 1; at < input.length; at++) yield [input.subarray(0, at), input.subarray(at)]
  yield singleOctets(input)
}

/** Single octets, and a few cuts by chance; the same ones for the same input, so that a finding can be repeated. */
export function* someCuts(input: Buffer): Generator<Buffer[]> {
  if (input.length <= SINGLE_OCTETS) yield singleOctets(input)
  const random = seededRandom(checksum(input))
  for (let i = 0; i < RANDOM_CUTS; i++) {
    const pieces: Buffer[] = []
    const longest = 1 + Math.floor(random() * Math.min(input.length, 64 << (i * 4)))
    for (let at = 0; at < input.length; ) {
      const end = Math.min(input.length, at + 1 + Math.floor(random() * longest))
      pieces.push(input.subarray(at, end))
      at = end
    }
    yield pieces
  }
}

/** One octet a piece. */
export const singleOctets = (input: Buffer): Buffer[] => Array.from(input, (octet) => Buffer.of(octet))

/** Asserts that `actual` is what `expected` is; the quick way first, for millions of comparisons. */
export function assertAlike(actual: unknown, expected: unknown, message: string): void {
  if (JSON.stringify(actual) === JSON.stringify(expected)) return
  assert.deepEqual(actual, expected, message)
  assert.fail(`${message}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`)
}

/** FNV-1a. */
export function checksum(input: Buffer): number {
  let sum = 0x811c9dc5
  for (const octet of input) sum = Math.imul(sum ^ octet, 0x01000193)
  return sum >>> 0
}
