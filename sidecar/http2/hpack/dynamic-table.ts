import type { TableEntry } from './static-table.ts'

/**
 * The decoder's dynamic table (RFC 7541 §2.3.2, §4): a ring of entries, the newest first. `version` changes with every
 * change of what an index means; who caches something that depends on the table compares it.
 */
export class DynamicTable {
  /** Counts changes. */
  version = 0
  readonly #ring: (TableEntry | undefined)[]
  readonly #mask: number
  #newest = 0
  #count = 0
  #bytes = 0
  #maxBytes: number
  readonly #limitBytes: number

  /** `limitBytes`: what our SETTINGS_HEADER_TABLE_SIZE allows the peer. */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
    this.#maxBytes = limitBytes
    let capacity = 1
    while (capacity < limitBytes / 32) capacity *= 2
    this.#ring = new Array(capacity).fill(undefined)
    this.#mask = capacity - 1
  }

  /** Entries in the table. */
  get count(): number {
    return this.#count
  }

  /** Sum of the entries' sizes. */
  get bytes(): number {
    return this.#bytes
  }

  /** The entry at `offset` from the newest, or undefined beyond the oldest. */
  findAt(offset: number): TableEntry | undefined {
    return offset < this.#count ? this.#ring[(this.#newest - offset) & this.#mask] : undefined
  }

  /** Adds the newest entry; evicts the oldest until it fits; one that can never fit empties the table (§4.4). */
  insert(entry: TableEntry): void {
    this.version++
    this.#evictTo(this.#maxBytes - entry.bytes)
    if (entry.bytes > this.#maxBytes) return
    this.#newest = (this.#newest + 1) & this.#mask
    this.#ring[this.#newest] = entry
    this.#count++
    this.#bytes += entry.bytes
  }

  /** A dynamic table size update (§6.3). False when it is more than we allowed. */
  resize(maxBytes: number): boolean {
    if (maxBytes > this.#limitBytes) return false
    this.version++
    this.#maxBytes = maxBytes
    this.#evictTo(maxBytes)
    return true
  }

  #evictTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      this.#count--
      const oldest = (this.#newest - this.#count) & this.#mask
      this.#bytes -= this.#ring[oldest]?.bytes ?? 0
      this.#ring[oldest] = undefined
    }
  }
}
