import { byteAt } from '../../core/byte-at.ts'
import type { HeaderBlock } from './header-block.ts'

const SLOTS = 128
const LONGEST_RUN = 64
const TAILS = 4
const LONGEST_TAIL = 192
/** Longer lists are made anew each time: a few octets may say 64 KiB, and 640 blocks are kept (CVE-2026-47774). */
const LONGEST_LIST = 8 * 1024

/**
 * Blocks decoded before, by the run of one-octet indexes they begin with. One run a slot: a newer one takes the place of
 * an older one with the same hash, so the size is fixed whatever a peer sends. An entry holds only while the table's
 * version is what it was.
 */
export class BlockCache {
  readonly #slots: (CachedRun | undefined)[] = new Array(SLOTS).fill(undefined)

  /** The run in [start, end) of `octets`, if it was decoded with the table in this version. */
  findRun(octets: Uint8Array, start: number, end: number, hash: number, version: number): CachedRun | undefined {
    const run = this.#slots[hash & (SLOTS - 1)]
    return run !== undefined && run.version === version && isSame(run.octets, octets, start, end) ? run : undefined
  }

  /** Keeps `block`, the fields of the run, unless the run is too long to be worth it. Copies the octets. */
  addRun(octets: Uint8Array, start: number, end: number, hash: number, version: number, block: HeaderBlock): CachedRun {
    if (end - start > LONGEST_RUN || block.listBytes > LONGEST_LIST) return new CachedRun(NO_OCTETS, version, block)
    const run = new CachedRun(copyOf(octets, start, end), version, block)
    this.#slots[hash & (SLOTS - 1)] = run
    return run
  }
}

const NO_OCTETS = new Uint8Array(0)

/** A run and the few last tails that followed it. */
export class CachedRun {
  readonly octets: Uint8Array
  readonly version: number
  readonly block: HeaderBlock
  readonly #tails: Uint8Array[] = []
  readonly #blocks: HeaderBlock[] = []
  #next = 0
  #misses = 0

  constructor(octets: Uint8Array, version: number, block: HeaderBlock) {
    this.octets = octets
    this.version = version
    this.block = block
  }

  /** The whole block, when this tail followed the run before. */
  findTail(octets: Uint8Array, start: number, end: number): HeaderBlock | undefined {
    for (let i = 0; i < this.#tails.length; i++) {
      if (isSame(this.#tails[i] as Uint8Array, octets, start, end)) {
        this.#misses = 0
        return this.#blocks[i]
      }
    }
    this.#misses++
    return undefined
  }

  /** Keeps a tail and its block; but where tails never repeat (a trace id), only one of 64, to see whether they do again. */
  addTail(octets: Uint8Array, start: number, end: number, block: HeaderBlock): void {
    if (end - start > LONGEST_TAIL || block.listBytes > LONGEST_LIST || (this.#misses > 16 && this.#misses % 64 !== 0))
      return
    this.#tails[this.#next] = copyOf(octets, start, end)
    this.#blocks[this.#next] = block
    this.#next = (this.#next + 1) % TAILS
  }
}

/** A copy, where `slice` of a Buffer would be a view. */
function copyOf(octets: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start)
  copy.set(octets.subarray(start, end))
  return copy
}

function isSame(known: Uint8Array, octets: Uint8Array, start: number, end: number): boolean {
  const length = known.length
  if (length !== end - start) return false
  for (let i = 0; i < length; i++) if (byteAt(known, i) !== byteAt(octets, start + i)) return false
  return true
}
