import type { Fields } from '../../http/head.ts'
import type { OutputBuffer } from '../frame/output-buffer.ts'
import { EncodedCache } from './encoded-cache.ts'
import { EncoderTable, type NameRecord } from './encoder-table.ts'
import { huffmanLength, writeHuffman } from './huffman.ts'
import { writeInteger } from './integer.ts'

/** First-octet patterns of RFC 7541 §6. */
const INDEXED = 0x80
const INDEXING = 0x40
const SIZE_UPDATE = 0x20
const NEVER_INDEXED = 0x10
const WITHOUT_INDEXING = 0x00

/** Octets that the integers of one representation can take. */
const INTEGERS = 16

/** Insertions that may come in a row, and how many heads earn one more: a table that thrashes defeats both sides' caches. */
const INSERTION_BURST = 128
const HEADS_PER_INSERTION = 16

/** No field may take more than this part of the table. */
const LARGEST_SHARE = 8

/**
 * HPACK, sending (RFC 7541). Blocks must be sent in the order encoded. What repeats is indexed; a list of fields that was
 * encoded before in the same state of the table is a copy of the octets.
 */
export class HpackEncoder {
  readonly #table: EncoderTable
  readonly #heads = new EncodedCache()
  readonly #lists = new EncodedCache()
  #knownFrom = 0
  #knownVersion = 0
  readonly #limitBytes: number
  #insertionCredit = INSERTION_BURST
  #headsSinceCredit = 0
  /** No field since this was set would be encoded in another way if it came again. */
  #isSettled = true
  /** Smallest size since the last block and the size in force, when the peer must be told (§4.2); −1 otherwise. */
  #smallestUpdate = -1

  /** `limitBytes`: the most that we keep a table for, whatever the peer allows (CVE-2026-93492). */
  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
    this.#table = new EncoderTable(limitBytes)
  }

  /** Octets that the peer's dynamic table holds. */
  get tableBytes(): number {
    return this.#table.bytes
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE. The next block begins with the update that it asks for. */
  allowTable(peerBytes: number): void {
    const bytes = Math.min(peerBytes, this.#limitBytes)
    if (bytes === this.#table.maxBytes) return
    this.#smallestUpdate = this.#smallestUpdate < 0 ? bytes : Math.min(this.#smallestUpdate, bytes)
    this.#table.resize(bytes)
  }

  /** Begins a block: every block calls this first, once. */
  begin(out: OutputBuffer): void {
    if (++this.#headsSinceCredit >= HEADS_PER_INSERTION) {
      this.#headsSinceCredit = 0
      if (this.#insertionCredit < INSERTION_BURST) this.#insertionCredit++
    }
    if (this.#smallestUpdate < 0) return
    out.reserve(INTEGERS)
    const final = this.#table.maxBytes
    if (this.#smallestUpdate < final) out.end = writeInteger(out.octets, out.end, this.#smallestUpdate, 5, SIZE_UPDATE)
    out.end = writeInteger(out.octets, out.end, final, 5, SIZE_UPDATE)
    this.#smallestUpdate = -1
  }

  /** Appends the block that `head` became before in this state of the table. False when there is none. */
  copyKnown(out: OutputBuffer, head: object): boolean {
    const known = this.#heads.find(head, this.#table.version)
    if (known === undefined) return false
    out.append(known, 0, known.length)
    return true
  }

  /** What is appended from here to `remember` is what a head becomes. */
  startKnown(out: OutputBuffer): void {
    this.#knownFrom = out.length
    this.#knownVersion = this.#table.version
    this.#isSettled = true
  }

  /** Keeps what was appended since `startKnown` for the next time that `head`, the same object, comes. */
  remember(out: OutputBuffer, head: object): void {
    if (!this.#isSettled || this.#table.version !== this.#knownVersion) return
    this.#heads.add(head, this.#knownVersion, out.octets, out.start + this.#knownFrom, out.end)
  }

  /** Appends a list of fields; one that comes again, the same array, costs a copy. */
  fields(out: OutputBuffer, fields: Fields): void {
    if (fields.length === 0) return
    const version = this.#table.version
    const known = this.#lists.find(fields, version)
    if (known !== undefined) {
      out.append(known, 0, known.length)
      return
    }
    const begin = out.length
    const wasSettled = this.#isSettled
    this.#isSettled = true
    this.freshFields(out, fields)
    if (this.#isSettled && this.#table.version === version) {
      this.#lists.add(fields, version, out.octets, out.start + begin, out.end)
    }
    this.#isSettled &&= wasSettled
  }

  /** Appends fields that do not come again, such as a trace id. */
  freshFields(out: OutputBuffer, fields: Fields): void {
    for (let i = 0; i + 1 < fields.length; i += 2) this.field(out, fields[i] as string, fields[i + 1] as string)
  }

  /** Appends one field. */
  field(out: OutputBuffer, name: string, value: string): void {
    out.reserve(INTEGERS)
    const record = this.#table.findRecord(name)
    if (record === undefined) {
      this.#literal(out, WITHOUT_INDEXING, 4, 0, name, value)
      return
    }
    if (record.policy === 'secret') {
      this.#literal(out, NEVER_INDEXED, 4, this.#table.nameIndexOf(record), name, value)
      return
    }
    const index = this.#table.indexOf(record, value)
    if (index > 0) {
      out.end = writeInteger(out.octets, out.end, index, 7, INDEXED)
      return
    }
    const nameIndex = this.#table.nameIndexOf(record)
    if (this.#isWorthIndexing(record, value, nameIndex)) {
      this.#insertionCredit--
      this.#literal(out, INDEXING, 6, nameIndex, name, value)
      this.#table.insert(record, value)
    } else this.#literal(out, WITHOUT_INDEXING, 4, nameIndex, name, value)
  }

  #isWorthIndexing(record: NameRecord, value: string, nameIndex: number): boolean {
    if (this.#insertionCredit === 0) return false
    if (record.name.length + value.length + 32 > this.#table.maxBytes / LARGEST_SHARE) return false
    if (record.policy === 'volatile') return nameIndex === 0
    if (record.cameBefore(value)) return true
    this.#isSettled = false
    return false
  }

  /** Huffman code is used for what goes into the table, which is sent once; for the rest the octets cost less than the work. */
  #literal(
    out: OutputBuffer,
    pattern: number,
    prefixBits: 4 | 6,
    nameIndex: number,
    name: string,
    value: string,
  ): void {
    out.end = writeInteger(out.octets, out.end, nameIndex, prefixBits, pattern)
    if (nameIndex === 0) writeString(out, name, pattern === INDEXING)
    writeString(out, value, pattern === INDEXING)
  }
}

function writeString(out: OutputBuffer, text: string, tryHuffman: boolean): void {
  const codedBytes = tryHuffman ? huffmanLength(text) : text.length
  out.reserve(INTEGERS + Math.max(codedBytes, text.length))
  if (tryHuffman && codedBytes < text.length) {
    out.end = writeInteger(out.octets, out.end, codedBytes, 7, 0x80)
    out.end = writeHuffman(out.octets, out.end, text)
    return
  }
  out.end = writeInteger(out.octets, out.end, text.length, 7, 0)
  out.appendText(text)
}
