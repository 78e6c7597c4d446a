import { byteAt } from '../../core/byte-at.ts'
import { readLatin1 } from '../frame/latin1.ts'
import { BlockCache } from './block-cache.ts'
import { DynamicTable } from './dynamic-table.ts'
import { FieldKind, isFieldValue, kindOfName } from './field-kind.ts'
import { HeaderBlock, type HeaderLimits } from './header-block.ts'
import { decodeHuffman, huffmanDecodedLimit } from './huffman.ts'
import { readInteger } from './integer.ts'
import { STATIC_COUNT, STATIC_TABLE, type TableEntry } from './static-table.ts'

/** What is wrong with a block; a COMPRESSION_ERROR for the connection (RFC 9113 §4.3). */
export type HpackFault = 'truncated' | 'overflow' | 'bad index' | 'bad huffman code' | 'bad table size update'

/** Names that a peer sent, shared by all its messages: at most this many are kept. */
const INTERNED_NAMES = 512

/**
 * HPACK, receiving (RFC 7541). Blocks must be given in the order received. The common block is a run of one-octet
 * indexes and a few literals: the run is looked up as a whole in `BlockCache`, the rest is decoded field by field.
 */
export class HpackDecoder {
  readonly #table: DynamicTable
  readonly #limits: HeaderLimits
  readonly #cache = new BlockCache()
  readonly #names = new Map<string, TableEntry>()
  #scratch: Buffer = Buffer.allocUnsafeSlow(512)
  #at = 0
  /** The value octets last read are a legal field value. */
  #valueIsLegal = true

  constructor(tableBytes: number, limits: HeaderLimits) {
    this.#table = new DynamicTable(tableBytes)
    this.#limits = limits
    for (const entry of STATIC_TABLE) if (entry !== undefined) this.#names.set(entry.name, entry)
  }

  /** Octets in the dynamic table. */
  get tableBytes(): number {
    return this.#table.bytes
  }

  /**
   * Decodes the block in [start, end) of `octets`, which is borrowed. Returns the fields, possibly those of an earlier
   * equal block, or what is wrong. Allocates little when the block, or all but its last literals, was seen before.
   */
  decode(octets: Buffer, start: number, end: number): HeaderBlock | HpackFault {
    let runEnd = start
    let hash = 0
    while (runEnd < end) {
      const octet = byteAt(octets, runEnd)
      if (octet <= 0x80 || octet === 0xff) break // a one-octet index, not 0, not the start of a longer one
      hash = (Math.imul(hash, 31) + octet) | 0
      runEnd++
    }
    const version = this.#table.version
    if (runEnd - start < 2) return this.#decodeRest(new HeaderBlock(), octets, start, end)
    let run = this.#cache.findRun(octets, start, runEnd, hash, version)
    if (run === undefined) {
      const block = new HeaderBlock()
      for (let i = start; i < runEnd; i++) if (!this.#addIndexed(block, byteAt(octets, i) & 0x7f)) return 'bad index'
      run = this.#cache.addRun(octets, start, runEnd, hash, version, block)
    }
    if (runEnd === end) return run.block
    const known = run.findTail(octets, runEnd, end)
    if (known !== undefined) return known
    const block = this.#decodeRest(run.block.extend(), octets, runEnd, end)
    if (typeof block !== 'string' && this.#table.version === version) run.addTail(octets, runEnd, end, block)
    return block
  }

  #decodeRest(block: HeaderBlock, octets: Buffer, start: number, end: number): HeaderBlock | HpackFault {
    this.#at = start
    let hasField = block.fieldCount > 0
    while (this.#at < end) {
      const octet = byteAt(octets, this.#at)
      let fault: HpackFault | undefined
      if (octet >= 0x80) fault = this.#readIndexed(block, octets, end)
      else if (octet >= 0x40) fault = this.#readLiteral(block, octets, end, 6)
      else if (octet >= 0x20) fault = hasField ? 'bad table size update' : this.#readSizeUpdate(octets, end)
      else fault = this.#readLiteral(block, octets, end, 4)
      if (fault !== undefined) return fault
      if (octet >= 0x40 || octet < 0x20) hasField = true
    }
    return block
  }

  #readIndexed(block: HeaderBlock, octets: Buffer, end: number): HpackFault | undefined {
    const index = this.#readInteger(octets, end, 7)
    if (typeof index === 'string') return index
    return this.#addIndexed(block, index) ? undefined : 'bad index'
  }

  #addIndexed(block: HeaderBlock, index: number): boolean {
    const entry = this.#findEntry(index)
    if (entry === undefined) return false
    block.add(entry.name, entry.value, entry.kind, this.#limits)
    return true
  }

  #findEntry(index: number): TableEntry | undefined {
    return index <= STATIC_COUNT ? STATIC_TABLE[index] : this.#table.findAt(index - STATIC_COUNT - 1)
  }

  /** RFC 7541 §6.2: with incremental indexing behind a prefix of 6 bits, without or never indexed behind 4. */
  #readLiteral(block: HeaderBlock, octets: Buffer, end: number, prefixBits: 4 | 6): HpackFault | undefined {
    const index = this.#readInteger(octets, end, prefixBits)
    if (typeof index === 'string') return index
    let name: TableEntry | undefined
    if (index > 0) name = this.#findEntry(index)
    else {
      const text = this.#readString(octets, end)
      if (text === undefined) return this.#stringFault
      name = this.#intern(text)
    }
    if (name === undefined) return 'bad index'
    const value = this.#readString(octets, end)
    if (value === undefined) return this.#stringFault
    let kind = this.#valueIsLegal ? name.kind : FieldKind.malformed
    // The kind of an entry covers its value too, so a name taken from an entry whose value was bad is judged anew.
    if (kind === FieldKind.malformed && this.#valueIsLegal) kind = kindOfName(name.name)
    block.add(name.name, value, kind, this.#limits)
    if (prefixBits === 6) {
      this.#table.insert({ name: name.name, value, kind, bytes: name.name.length + value.length + 32 })
    }
    return undefined
  }

  #readSizeUpdate(octets: Buffer, end: number): HpackFault | undefined {
    const bytes = this.#readInteger(octets, end, 5)
    if (typeof bytes === 'string') return bytes
    return this.#table.resize(bytes) ? undefined : 'bad table size update'
  }

  #readInteger(octets: Buffer, end: number, prefixBits: number): number | 'truncated' | 'overflow' {
    const mask = (1 << prefixBits) - 1
    const first = this.#at < end ? byteAt(octets, this.#at) & mask : mask
    if (first < mask) {
      this.#at++
      return first
    }
    const read = readInteger(octets, this.#at, end, prefixBits)
    if (typeof read === 'string') return read
    this.#at = read.next
    return read.value
  }

  #stringFault: HpackFault = 'truncated'

  /** A string literal (RFC 7541 §5.2), one character an octet; undefined leaves the reason in `#stringFault`. */
  #readString(octets: Buffer, end: number): string | undefined {
    const isHuffman = this.#at < end && byteAt(octets, this.#at) >= 0x80
    const length = this.#readInteger(octets, end, 7)
    if (typeof length === 'string') return this.#failString(length)
    const start = this.#at
    if (length > end - start) return this.#failString('truncated')
    this.#at = start + length
    if (!isHuffman) {
      this.#valueIsLegal = isFieldValue(octets, start, this.#at)
      return readLatin1(octets, start, this.#at)
    }
    const limit = huffmanDecodedLimit(length)
    if (this.#scratch.length < limit) this.#scratch = Buffer.allocUnsafeSlow(limit)
    const written = decodeHuffman(octets, start, this.#at, this.#scratch, 0)
    if (written < 0) return this.#failString('bad huffman code')
    this.#valueIsLegal = isFieldValue(this.#scratch, 0, written)
    return readLatin1(this.#scratch, 0, written)
  }

  #failString(fault: HpackFault): undefined {
    this.#stringFault = fault
    return undefined
  }

  /** One object, with its kind, for each name; long or too many names are made anew each time. */
  #intern(name: string): TableEntry {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const entry = { name, value: '', kind: kindOfName(name), bytes: name.length + 32 }
    if (this.#names.size < INTERNED_NAMES && name.length <= 64) this.#names.set(name, entry)
    return entry
  }
}
