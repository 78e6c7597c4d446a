interface Encoded {
  version: number
  octets: Uint8Array
}

/** Blocks remembered; one more empties the cache, which is cheaper than knowing the oldest. */
const BLOCKS = 256
const LONGEST_BLOCK = 1024
/** Sources seen lately: one that comes again among them is worth a place, one that never does costs only this. */
const LATELY = 32

/**
 * Encoded blocks by the identity of what they were made of, a head or a list of fields, which nobody changes. An entry
 * holds for one version of the table.
 */
export class EncodedCache {
  readonly #known = new Map<object, Encoded>()
  readonly #lately: (object | undefined)[] = new Array(LATELY).fill(undefined)
  #next = 0
  /** The source of the last `find`, if it came before. */
  #repeated: object | undefined

  /** The octets of `source` with the table in this version: owned by the cache, to be copied. */
  find(source: object, version: number): Uint8Array | undefined {
    const known = this.#known.get(source)
    if (known !== undefined) {
      this.#repeated = source
      return known.version === version ? known.octets : undefined
    }
    if (this.#lately.includes(source)) this.#repeated = source
    else {
      this.#repeated = undefined
      this.#lately[this.#next] = source
      this.#next = (this.#next + 1) % LATELY
    }
    return undefined
  }

  /** Keeps a copy of [start, end) of `octets` for the source that `find` was asked for last, if that was not the first time. */
  add(source: object, version: number, octets: Uint8Array, start: number, end: number): void {
    if (end - start > LONGEST_BLOCK || this.#repeated !== source) return
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
