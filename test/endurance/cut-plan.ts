import type { Random } from '../../sidecar/core/random.ts'

/** `up` is from the caller to the application. */
export type Direction = 'up' | 'down'

/**
 * `reset`: both sides see a reset. `end`: both see an end. `end-one-way`: who is sent to sees an end, as of a sender that
 * has said all, and may still answer; what the sender says on is lost.
 */
export type CutKind = 'reset' | 'end' | 'end-one-way'

/** How one connection is cut. */
export interface CutPlan {
  readonly direction: Direction
  /** Octets of the direction that pass first. */
  readonly afterBytes: number
  readonly how: CutKind
  /** Of these, the first so many pass one by one. */
  readonly slicedBytes: number
}

/** More sliced octets would say the same more slowly. */
const MOST_SLICED_BYTES = 700
/** What heads, handshakes and framing may add to a body. */
const AROUND_BODY_BYTES = 700

const below = (random: Random, limit: number): number => Math.floor(random() * limit)

/** Which of a list comes up. */
export function pick<T>(random: Random, from: readonly T[]): T {
  return from[below(random, from.length)] as T
}

/** A cut somewhere in a message of these lengths: often early, where heads and handshakes are, else anywhere. */
export function randomPlan(random: Random, upBytes: number, downBytes: number): CutPlan {
  const direction = pick(random, ['up', 'down'] as const)
  const bodyBytes = direction === 'up' ? upBytes : downBytes
  const limit = pick(random, [64, 1_200, bodyBytes + AROUND_BODY_BYTES, bodyBytes + AROUND_BODY_BYTES])
  return {
    direction,
    afterBytes: below(random, limit),
    how: pick(random, ['reset', 'reset', 'end', 'end-one-way']),
    slicedBytes: random() < 0.25 ? below(random, MOST_SLICED_BYTES) : 0,
  }
}

/** Lengths of bodies: none, small, of some frames, longer than what the kernel and we hold at once. */
export function randomBytes(random: Random): number {
  const [from, to] = pick(random, [
    [0, 1],
    [1, 100],
    [100, 20_000],
    [100, 20_000],
    [20_000, 200_000],
    [20_000, 200_000],
    [200_000, random() < 0.1 ? 3_000_000 : 500_000],
  ] as const)
  return from + below(random, to - from)
}
