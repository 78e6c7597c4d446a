import { FieldKind, isFieldValue, kindOfName } from '../../../sidecar/http2/hpack/field-kind.ts'
import { HeaderBlock, type HeaderLimits } from '../../../sidecar/http2/hpack/header-block.ts'
import { decodeHuffman, huffmanDecodedLimit } from '../../../sidecar/http2/hpack/huffman.ts'
import { readInteger } from '../../../sidecar/http2/hpack/integer.ts'
import { STATIC_COUNT, STATIC_TABLE } from '../../../sidecar/http2/hpack/static-table.ts'

type Entry = readonly [name: string, value: string]

/** What makes a block undecodable; the word does not matter. */
class Undecodable extends Error {}

/**
 * HPACK as RFC 7541 tells it, field by field: no caches, no runs, a list for a table. What the product's decoder, which is
 * quick, is compared with. Integers and Huffman code are the product's: they have tests of their own.
 */
export class PlainHpackDecoder {
  readonly #limitBytes: number
  #maxBytes: number
  /** The newest first. */
  #table: Entry[] = []
  #octets: Buffer = Buffer.alloc(0)
  #at = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
    this.#maxBytes = limitBytes
  }

  /** The fields of a block, or undefined where it is none. */
  decode(octets: Buffer, limits: HeaderLimits): HeaderBlock | undefined {
    this.#octets = octets
    this.#at = 0
    const block = new HeaderBlock()
    try {
      while (this.#at < octets.length) this.#readRepresentation(block, limits)
      return block
    } catch (thrown) {
      if (thrown instanceof Undecodable) return undefined
      throw thrown
    }
  }

  #readRepresentation(block: HeaderBlock, limits: HeaderLimits): void {
    const first = this.#octets[this.#at] ?? 0
    if (first >= 0x80) return void add(block, this.#entry(this.#integer(7)), limits)
    if (first >= 0x20 && first < 0x40) {
      if (block.fieldCount > 0) throw new Undecodable()
      return this.#resize(this.#integer(5))
    }
    const index = this.#integer(first >= 0x40 ? 6 : 4)
    const name = index === 0 ? this.#string() : this.#entry(index)[0]
    const entry: Entry = [name, this.#string()]
    add(block, entry, limits)
    if (first >= 0x40) this.#insert(entry)
  }

  #resize(bytes: number): void {
    if (bytes > this.#limitBytes) throw new Undecodable()
    this.#maxBytes = bytes
    this.#evict()
  }

  #insert(entry: Entry): void {
    this.#table.unshift(entry)
    this.#evict()
  }

  /** Entries that never fit empty the table (§4.4). */
  #evict(): void {
    let bytes = 0
    const fits = this.#table.findIndex((entry) => {
      bytes += entry[0].length + entry[1].length + 32
      return bytes > this.#maxBytes
    })
    if (fits >= 0) this.#table = this.#table.slice(0, fits)
  }

  #entry(index: number): Entry {
    if (index > STATIC_COUNT) {
      const entry = this.#table[index - STATIC_COUNT - 1]
      if (entry === undefined) throw new Undecodable()
      return entry
    }
    const entry = STATIC_TABLE[index]
    if (entry === undefined) throw new Undecodable()
    return [entry.name, entry.value]
  }

  #integer(prefixBits: number): number {
    const read = readInteger(this.#octets, this.#at, this.#octets.length, prefixBits)
    if (typeof read === 'string') throw new Undecodable()
    this.#at = read.next
    return read.value
  }

  #string(): string {
    const isHuffman = (this.#octets[this.#at] ?? 0) >= 0x80
    const length = this.#integer(7)
    const coded = this.#octets.subarray(this.#at, this.#at + length)
    if (coded.length < length) throw new Undecodable()
    this.#at += length
    if (!isHuffman) return coded.toString('latin1')
    const text = Buffer.alloc(huffmanDecodedLimit(length))
    const written = decodeHuffman(coded, 0, length, text, 0)
    if (written < 0) throw new Undecodable()
    return text.toString('latin1', 0, written)
  }
}

function add(block: HeaderBlock, [name, value]: Entry, limits: HeaderLimits): void {
  const text = Buffer.from(value, 'latin1')
  const kind = isFieldValue(text, 0, text.length) ? kindOfName(name) : FieldKind.malformed
  block.add(name, value, kind, limits)
}
