interface Encoded {
  version: number
  octets: Uint8Array
}

/** Blocks remembered; one more empties the cache, which is cheaper than knowing the oldest. */
const BLOCKS = 256
const LONGEST_BLOCK = 1024
/** Blocks that may be asked for without one being found again before only one in 64 is kept. */
const PATIENCE = 512

/**
 * Encoded blocks by the identity of what they were made of, a head or a list of fields, which nobody changes. An entry holds for one version of the table.
 */
export class EncodedCache {
  readonly #known = new Map<object, Encoded>()
  #misses = 0

  /** The octets of `source` with the table in this version: owned by the cache, to be copied. */
  find(source: object, version: number): Uint8Array | undefined {
    const known = this.#known.get(source)
    if (known === undefined) {
      this.#misses++
      return undefined
    }
    this.#misses = 0
    return known.version === version ? known.octets : undefined
  }

  /** Copies [start, end) of `octets`. */
  add(source: object, version: number, octets: Uint8Array, start: number, end: number): void {
    if (end - start > LONGEST_BLOCK || (this.#misses > PATIENCE && this.#misses % 64 !== 0)) return
    const copy = new Uint8Array(end - start)
    copy.set(octets.subarray(start, end))
    const known = this.#known.get(source)
    if (known !== undefined) {
      known.version = version
      known.octets = copy
      return
    }
    if (this.#known.size >= BLOCKS) this.#known.clear()
    this.#known.set(source, { version, octets: copy })
  }
}
