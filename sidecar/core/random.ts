/** A source of chance: uniform in [0, 1). Enters as an argument wherever a choice is made, so that tests can repeat it. */
export type Random = () => number

/** The runtime's generator: good for balancing and jitter, never for secrets. */
export const systemRandom: Random = Math.random

/** A repeatable generator (mulberry32, public domain algorithm by Tommy Ettinger). Same seed, same sequence. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
