import { byteAt } from '../../core/byte-at.ts'
import { writeLatin1 } from './latin1.ts'

/** Small writes share a slab; what was taken is not written again before its owner says that it was sent. */
const SLAB_BYTES = 64 * 1024
const LARGEST_SLAB_BYTES = 512 * 1024

/** Up to here a loop beats a call into C++ for copying. */
const LOOP_BYTES = 64

/** Everything that waits to be sent on a connection, contiguous, so that it leaves in one write. */
export class OutputBuffer {
  /** Where writers write, from `end`, after `reserve`. */
  octets: Buffer = NO_OCTETS
  /** First octet that was not taken. */
  start = 0
  /** Offset after the last octet written. */
  end = 0
  /** Size of the next slab: where much is sent at once, growing by copies would cost more than the room. */
  #slabBytes = SLAB_BYTES
  /** Most that was taken at once since the last `fit`. */
  #mostBytes = 0
  /** The slab before this one: what was taken of it may wait in a socket still. */
  #former: Buffer | undefined
  /** A slab of which nothing waits anywhere: the next one. */
  #spare: Buffer | undefined

  /** Octets that wait. */
  get length(): number {
    return this.end - this.start
  }

  /** Makes room for `bytes` more octets. Moves what waits, so offsets relative to `start` stay, absolute ones do not. */
  reserve(bytes: number): void {
    if (this.end + bytes > this.octets.length) this.#move(bytes)
  }

  /** All that was taken has been sent, or copied: where it lay may be written again. Two slabs then serve in turn. */
  reuse(): void {
    const former = this.#former
    if (former === undefined) return
    this.#former = undefined
    if (former.length === this.#slabBytes) this.#spare = former
  }

  /** Slabs get shorter again where less is sent at once than was; to be called now and then. */
  fit(): void {
    while (this.#slabBytes > SLAB_BYTES && this.#mostBytes * 4 <= this.#slabBytes) this.#slabBytes /= 2
    this.#mostBytes = 0
    if (this.#spare !== undefined && this.#spare.length > this.#slabBytes) this.#spare = undefined
  }

  /** Hands over what waits: a view that is not written again before `reuse`. */
  take(): Buffer {
    if (this.start === this.end) return NO_OCTETS
    const taken = this.octets.subarray(this.start, this.end)
    if (taken.length > this.#mostBytes) this.#mostBytes = taken.length
    this.start = this.end
    const spare = this.#spare
    if (spare !== undefined) this.#change(spare, 0)
    return taken
  }

  /** Appends a copy of [start, end) of `octets`. */
  append(octets: Uint8Array, start: number, end: number): void {
    const length = end - start
    this.reserve(length)
    const into = this.octets
    const at = this.end
    if (length <= LOOP_BYTES) {
      for (let i = 0; i < length; i++) into[at + i] = byteAt(octets, start + i)
    } else into.set(start === 0 && end === octets.length ? octets : octets.subarray(start, end), at)
    this.end = at + length
  }

  /** Appends a string of one octet a character; a character beyond becomes `?`, so that it cannot turn into CR or LF. */
  appendText(text: string): void {
    const length = text.length
    this.reserve(length)
    const into = this.octets
    const at = this.end
    if (length <= LOOP_BYTES / 2) {
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i)
        into[at + i] = code < 0x100 ? code : 0x3f
      }
    } else writeLatin1(into, at, WIDE.test(text) ? text.replace(EVERY_WIDE, '?') : text)
    this.end = at + length
  }

  #move(bytes: number): void {
    const waiting = this.end - this.start
    while (2 * (waiting + bytes) > this.#slabBytes && this.#slabBytes < LARGEST_SLAB_BYTES) this.#slabBytes *= 2
    const isLarge = waiting + bytes > this.#slabBytes
    const next = Buffer.allocUnsafeSlow(isLarge ? 2 * (waiting + bytes) : this.#slabBytes)
    next.set(this.octets.subarray(this.start, this.end), 0)
    this.#change(next, waiting)
  }

  /** Goes on in another slab, of which the first octets wait. */
  #change(slab: Buffer, waiting: number): void {
    this.#former = this.octets.length > 0 ? this.octets : undefined
    this.#spare = undefined
    this.octets = slab
    this.start = 0
    this.end = waiting
  }
}

const NO_OCTETS = Buffer.alloc(0)
const WIDE = /[^\0-\xff]/
const EVERY_WIDE = /[^\0-\xff]/g
