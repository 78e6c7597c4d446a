import { type IndexingPolicy, indexingPolicy } from './indexing-policy.ts'
import { STATIC_COUNT, STATIC_TABLE } from './static-table.ts'

/** A field in the encoder's dynamic table; `older` is the next one with the same name. */
interface Entry {
  readonly record: NameRecord
  readonly value: string
  /** The table's insertion count when it came in: its index follows from it. */
  readonly sequence: number
  readonly bytes: number
  older: Entry | undefined
}

/** Names with a record; fields beyond are sent as literals. */
const RECORDS = 512
const RECENT_VALUES = 4

/** What the encoder knows of one name. */
export class NameRecord {
  readonly name: string
  readonly policy: IndexingPolicy
  /** First static index with this name, 0 without one. */
  readonly staticIndex: number
  newest: Entry | undefined
  readonly #staticValues: readonly string[]
  readonly #recent: string[] = []
  #nextRecent = 0

  constructor(name: string) {
    this.name = name
    this.policy = indexingPolicy(name)
    this.staticIndex = Math.max(
      0,
      STATIC_TABLE.findIndex((entry) => entry?.name === name),
    )
    this.#staticValues = STATIC_TABLE.filter((entry) => entry?.name === name).map((entry) => entry?.value ?? '')
  }

  /** Static index of this name with `value`, or 0. Entries of one name are consecutive. */
  staticIndexOf(value: string): number {
    for (let i = 0; i < this.#staticValues.length; i++) if (this.#staticValues[i] === value) return this.staticIndex + i
    return 0
  }

  /** Whether `value` came before, lately; remembers it. What comes once is not worth a place in the table. */
  cameBefore(value: string): boolean {
    if (this.#recent.includes(value)) return true
    this.#recent[this.#nextRecent] = value
    this.#nextRecent = (this.#nextRecent + 1) % RECENT_VALUES
    return false
  }
}

/** The encoder's side of the dynamic table (RFC 7541 §2.3.2): finds the index of a field, and its name's. */
export class EncoderTable {
  /** Counts changes of what an index means. */
  version = 0
  readonly #records = new Map<string, NameRecord>()
  readonly #ring: (Entry | undefined)[]
  readonly #mask: number
  #insertions = 0
  #count = 0
  #bytes = 0
  #maxBytes: number

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
    let capacity = 1
    while (capacity < maxBytes / 32) capacity *= 2
    this.#ring = new Array(capacity).fill(undefined)
    this.#mask = capacity - 1
  }

  /** Octets that the peer's table holds by now. */
  get bytes(): number {
    return this.#bytes
  }

  get maxBytes(): number {
    return this.#maxBytes
  }

  /** The record of `name`, made now if there is room for one more. */
  findRecord(name: string): NameRecord | undefined {
    const known = this.#records.get(name)
    if (known !== undefined || this.#records.size >= RECORDS || name.length > 64) return known
    const record = new NameRecord(name)
    this.#records.set(name, record)
    return record
  }

  /** Index of the field, or 0. */
  indexOf(record: NameRecord, value: string): number {
    for (let entry = record.newest; entry !== undefined; entry = entry.older) {
      if (entry.value === value) return this.#indexOfEntry(entry)
    }
    return record.staticIndex === 0 ? 0 : record.staticIndexOf(value)
  }

  /** An index that has this name, or 0. */
  nameIndexOf(record: NameRecord): number {
    if (record.staticIndex > 0) return record.staticIndex
    return record.newest === undefined ? 0 : this.#indexOfEntry(record.newest)
  }

  /** Adds the field as the peer will on reading it. The caller checked that it fits. */
  insert(record: NameRecord, value: string): void {
    const bytes = record.name.length + value.length + 32
    this.#evictTo(this.#maxBytes - bytes)
    this.version++
    this.#insertions++
    const entry: Entry = { record, value, sequence: this.#insertions, bytes, older: record.newest }
    record.newest = entry
    this.#ring[this.#insertions & this.#mask] = entry
    this.#count++
    this.#bytes += bytes
  }

  /** Evicts what does not fit into `maxBytes`, which must be at most what the table was made with. */
  resize(maxBytes: number): void {
    this.version++
    this.#maxBytes = maxBytes
    this.#evictTo(maxBytes)
  }

  #indexOfEntry(entry: Entry): number {
    return STATIC_COUNT + 1 + this.#insertions - entry.sequence
  }

  #evictTo(bytes: number): void {
    while (this.#count > 0 && this.#bytes > bytes) {
      const slot = (this.#insertions - this.#count + 1) & this.#mask
      const oldest = this.#ring[slot]
      this.#ring[slot] = undefined
      this.#count--
      if (oldest !== undefined) {
        this.#bytes -= oldest.bytes
        this.#forget(oldest)
      }
    }
  }

  /** The oldest entry of all is the last of its name. */
  #forget(oldest: Entry): void {
    let entry = oldest.record.newest
    if (entry === oldest) {
      oldest.record.newest = undefined
      return
    }
    while (entry !== undefined && entry.older !== oldest) entry = entry.older
    if (entry !== undefined) entry.older = undefined
  }
}
