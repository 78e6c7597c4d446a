import type { Random } from '../../sidecar/core/random.ts'
import { octets } from './fuzz-target.ts'

/** Octets at which readers change their mind. */
const EDGES = Buffer.from(
  '00 01 09 0a 0d 1f 20 22 2d 2e 2f 30 39 3a 3b 3d 40 5c 7e 7f 80 81 c0 ed fe ff'.replaceAll(' ', ''),
  'hex',
)
const MOST_CHANGES = 6
/** Long inputs reach the limits and cost a hundred times as much: one in so many. */
const LONG_EACH = 100
const USUAL_BYTES = 1_200

/** Makes new inputs out of known ones: octets changed, taken out, put in, repeated; words of the grammar; two inputs joined. */
export class Mutator {
  readonly #random: Random
  readonly #words: readonly Buffer[]
  readonly #maxBytes: number

  constructor(random: Random, words: readonly string[], maxBytes: number) {
    this.#random = random
    this.#words = words.map(octets)
    this.#maxBytes = maxBytes
  }

  /** A new input; `pool` is not empty. */
  next(pool: readonly Buffer[]): Buffer {
    let input = this.#pick(pool)
    for (let changes = 1 + this.#below(MOST_CHANGES); changes > 0; changes--) input = this.#change(input, pool)
    const longest = this.#below(LONG_EACH) === 0 ? this.#maxBytes : Math.min(this.#maxBytes, USUAL_BYTES)
    return input.subarray(0, longest)
  }

  #change(input: Buffer, pool: readonly Buffer[]): Buffer {
    const at = this.#below(input.length + 1)
    switch (this.#below(10)) {
      case 0:
        return this.#changed(input, at, (octet) => octet ^ (1 << this.#below(8)))
      case 1:
        return this.#changed(input, at, () => EDGES[this.#below(EDGES.length)] ?? 0)
      case 2:
        return this.#changed(input, at, (octet) => octet + this.#below(5) - 2)
      case 3:
        return splice(input, at, this.#span(input, at), [])
      case 4:
        return splice(input, at, 0, [Buffer.of(this.#below(256))])
      case 5:
      case 6:
        return this.#words.length === 0
          ? input
          : splice(input, at, this.#below(2) * this.#span(input, at), [this.#pick(this.#words)])
      case 7:
        return this.#repeated(input, at)
      case 8: {
        const from = this.#below(input.length + 1)
        return splice(input, at, 0, [input.subarray(from, from + this.#span(input, from))])
      }
      default: {
        const other = this.#pick(pool)
        return Buffer.concat([input.subarray(0, at), other.subarray(this.#below(other.length + 1))])
      }
    }
  }

  #changed(input: Buffer, at: number, change: (octet: number) => number): Buffer {
    const copy = Buffer.from(input)
    if (at < copy.length) copy[at] = change(copy[at] as number)
    return copy
  }

  /** Mostly twice, now and then as often as fits: limits are passed by repetition. */
  #repeated(input: Buffer, at: number): Buffer {
    const count = this.#span(input, at)
    if (count === 0) return input
    const room = Math.floor((this.#maxBytes - input.length) / count)
    const times = this.#below(16) === 0 ? this.#below(room + 1) : Math.min(1 + this.#below(4), room)
    if (times <= 0) return input
    return splice(
      input,
      at,
      0,
      Array.from({ length: times }, () => input.subarray(at, at + count)),
    )
  }

  /** How many octets from `at` on: a few, seldom many. */
  #span(input: Buffer, at: number): number {
    const left = input.length - at
    return Math.min(left, this.#below(4) === 0 ? this.#below(left + 1) : 1 + this.#below(8))
  }

  #pick(list: readonly Buffer[]): Buffer {
    return list[this.#below(list.length)] ?? Buffer.alloc(0)
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count)
  }
}

const splice = (input: Buffer, at: number, taken: number, put: readonly Buffer[]): Buffer =>
  Buffer.concat([input.subarray(0, at), ...put, input.subarray(at + taken)])
