const FIRST_BYTES = 1024
/** A larger store is given back once it is empty: one big head must not cost a connection's lifetime. */
const KEEP_BYTES = 16 * 1024
/** A few of those are kept for whoever needs one next: a peer can make us hold 64 KiB in each turn, anew. */
const FREE_COUNT = 4
const LARGEST_FREE_BYTES = 256 * 1024

const freeStores: Buffer[] = []

function giveBack(store: Buffer): void {
  if (freeStores.length < FREE_COUNT && store.length <= LARGEST_FREE_BYTES) freeStores.push(store)
}

/** A store with room for so many octets, and for as many more where it is new. */
function takeStore(bytes: number): Buffer {
  const at = 2 * bytes > KEEP_BYTES ? freeStores.findIndex(({ length }) => length >= bytes) : -1
  const [free] = at < 0 ? [] : freeStores.splice(at, 1)
  return free ?? Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * bytes))
}

/**
 * Bytes that wait for more: chunks are copied in at the end and taken from the front. Grows by doubling, so that a sender
 * of single octets costs linear time in all. The owner bounds `length`.
 */
export class ByteQueue {
  #store: Buffer | undefined
  #start = 0
  #end = 0

  /** Octets that wait. */
  get length(): number {
    return this.#end - this.#start
  }

  /** Copies `chunk`, from offset `from`, to the end. */
  append(chunk: Buffer, from = 0): void {
    const added = chunk.length - from
    if (added <= 0) return
    const store = this.#room(added)
    chunk.copy(store, this.#end, from)
    this.#end += added
  }

  /** All that waits, as a *view* that is valid until the next call. */
  view(): Buffer {
    return this.#store === undefined ? EMPTY : this.#store.subarray(this.#start, this.#end)
  }

  /** Drops `count` octets from the front. */
  consume(count: number): void {
    this.#start += count
    if (this.#start >= this.#end) this.clear()
  }

  /** Drops everything. */
  clear(): void {
    this.#start = 0
    this.#end = 0
    if (this.#store === undefined || this.#store.length <= KEEP_BYTES) return
    giveBack(this.#store)
    this.#store = undefined
  }

  #room(added: number): Buffer {
    const store = this.#store
    if (store !== undefined && this.#end + added <= store.length) return store
    const length = this.length
    if (store !== undefined && length + added <= store.length / 2) {
      store.copyWithin(0, this.#start, this.#end)
      this.#start = 0
      this.#end = length
      return store
    }
    const grown = takeStore(length + added)
    if (store !== undefined) store.copy(grown, 0, this.#start, this.#end)
    this.#store = grown
    this.#start = 0
    this.#end = length
    return grown
  }
}

const EMPTY: Buffer = Buffer.alloc(0)
