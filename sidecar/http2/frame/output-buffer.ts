import { byteAt } from '../../core/byte-at.ts'
import { writeLatin1 } from './latin1.ts'

/** Small writes share a slab; what was taken is never written again, so nobody has to say when it was sent. */
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

  /** Octets that wait. */
  get length(): number {
    return this.end - this.start
  }

  /** Makes room for `bytes` more octets. Moves what waits, so offsets relative to `start` stay, absolute ones do not. */
  reserve(bytes: number): void {
    if (this.end + bytes > this.octets.length) this.#move(bytes)
  }

  /** Hands over what waits: a view that is never written again. */
  take(): Buffer {
    const taken = this.octets.subarray(this.start, this.end)
    const wanted = 2 * taken.length
    if (wanted > this.#slabBytes) this.#slabBytes = Math.min(wanted, LARGEST_SLAB_BYTES)
    else if (wanted < this.#slabBytes / 8) this.#slabBytes = Math.max(this.#slabBytes / 2, SLAB_BYTES)
    this.start = this.end
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
    const next = Buffer.allocUnsafeSlow(Math.max(this.#slabBytes, 2 * (waiting + bytes)))
    next.set(this.octets.subarray(this.start, this.end), 0)
    this.octets = next
    this.start = 0
    this.end = waiting
  }
}

const NO_OCTETS = Buffer.alloc(0)
const WIDE = /[^\0-\xff]/
const EVERY_WIDE = /[^\0-\xff]/g
