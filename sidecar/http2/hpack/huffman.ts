import assert from 'node:assert/strict'
import { byteAt } from '../../core/byte-at.ts'
import { CODE_BITS, CODES, END_OF_STRING } from './huffman-code.ts'

/*
 * Decoding walks the code tree a nibble at a time: a state is an inner node of the tree, and a cell says where four more
 * bits lead and which symbol they complete (at most one: the shortest code has five bits). 256 states of 16 cells, 16 KiB.
 */
const EMITS = 0x10000
const FAILS = 0x20000
/** A cell: next state in bits 0–7, symbol in bits 8–15, then EMITS and FAILS. */
const CELLS = new Int32Array(256 * 16)
/** 1 where a string may end: at the root, or at up to seven bits of END_OF_STRING's prefix, which is all ones. */
const MAY_END = new Uint8Array(256)
buildCells()

/**
 * Decodes the Huffman-coded octets of `block` in [start, end) into `into` at `at`, which needs room for
 * `huffmanDecodedLimit` octets. Returns the offset after the last octet written, or −1 for a code that contains the
 * end-of-string symbol or whose padding is not its prefix or longer than seven bits (RFC 7541 §5.2).
 */
export function decodeHuffman(block: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  let state = 0
  let written = at
  for (let i = start; i < end; i++) {
    const octet = byteAt(block, i)
    const high = CELLS[state * 16 + (octet >>> 4)] as number
    if ((high & EMITS) !== 0) into[written++] = (high >>> 8) & 0xff
    const low = CELLS[(high & 0xff) * 16 + (octet & 0x0f)] as number
    if ((low & EMITS) !== 0) into[written++] = (low >>> 8) & 0xff
    if (((high | low) & FAILS) !== 0) return -1
    state = low & 0xff
  }
  return MAY_END[state] === 1 ? written : -1
}

/** The most octets that `length` Huffman-coded octets can stand for: no code is shorter than five bits. */
export const huffmanDecodedLimit = (length: number): number => Math.floor((length * 8) / 5) + 1

/** Octets that `text` (one octet a character) takes when Huffman-coded. */
export function huffmanLength(text: string): number {
  let bits = 0
  for (let i = 0; i < text.length; i++) bits += CODE_BITS[text.charCodeAt(i) & 0xff] as number
  return (bits + 7) >>> 3
}

/** Writes `text` Huffman-coded at `at`; needs `huffmanLength(text)` octets of room. Returns the offset after it. */
export function writeHuffman(block: Uint8Array, at: number, text: string): number {
  let next = at
  let pending = 0 // up to seven bits that do not fill an octet yet
  let pendingBits = 0
  for (let i = 0; i < text.length; i++) {
    const symbol = text.charCodeAt(i) & 0xff
    const code = CODES[symbol] as number
    let bitsLeft = CODE_BITS[symbol] as number
    while (pendingBits + bitsLeft >= 8) {
      const taken = 8 - pendingBits
      bitsLeft -= taken
      block[next++] = ((pending << taken) | (code >>> bitsLeft)) & 0xff
      pending = 0
      pendingBits = 0
    }
    pending = ((pending << bitsLeft) | (code & ((1 << bitsLeft) - 1))) & 0xff
    pendingBits += bitsLeft
  }
  if (pendingBits > 0) block[next++] = ((pending << (8 - pendingBits)) | (0xff >>> pendingBits)) & 0xff
  return next
}

function buildCells(): void {
  const children: [number, number][] = [[-1, -1]] // ≥ 0: inner node; < −1: leaf of symbol −2 − child
  for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
    const bits = CODE_BITS[symbol] as number
    let node = 0
    for (let bit = bits - 1; bit >= 0; bit--) {
      const side = ((CODES[symbol] as number) >>> bit) & 1
      const pair = children[node] as [number, number]
      if (bit === 0) pair[side as 0 | 1] = -2 - symbol
      else {
        if (pair[side as 0 | 1] === -1) pair[side as 0 | 1] = children.push([-1, -1]) - 1
        node = pair[side as 0 | 1]
      }
    }
  }
  assert.equal(children.length, 256, 'a code of 257 symbols has 256 inner nodes')
  for (let state = 0; state < 256; state++) {
    for (let nibble = 0; nibble < 16; nibble++) CELLS[state * 16 + nibble] = walkNibble(children, state, nibble)
  }
  for (let node = 0, depth = 0; depth <= 7; depth++) {
    MAY_END[node] = 1
    node = (children[node] as [number, number])[1]
  }
}

function walkNibble(children: readonly [number, number][], from: number, nibble: number): number {
  let node = from
  let emitted = 0
  for (let bit = 3; bit >= 0; bit--) {
    const child = (children[node] as [number, number])[((nibble >>> bit) & 1) as 0 | 1]
    if (child < -1) {
      const symbol = -2 - child
      if (symbol === END_OF_STRING) return FAILS
      emitted = EMITS | (symbol << 8)
      node = 0
    } else node = child
  }
  return emitted | node
}
