import type { Socket } from 'node:net'

/** Octets collected before a write that does not wait for the end of the turn. */
const BUFFER_BYTES = 64 * 1024
/** A small body joins the head's text: one string and one write, no buffer. */
const TEXT_BODY_BYTES = 1024
/** Node encodes strings up to 16 KiB on the stack (src/stream_base.cc, WriteString). */
const TEXT_LENGTH = 15 * 1024
/** Buffers kept for the next writers. */
const FREE_COUNT = 16
/** A write of so much waits in its own buffer, which is used again when it has left: a slow peer's bulk makes no garbage. */
const BULK_BYTES = BUFFER_BYTES / 2

const freeBuffers: Buffer[] = []

function giveBack(buffer: Buffer): void {
  if (freeBuffers.length < FREE_COUNT) freeBuffers.push(buffer)
}

const waiting: SocketWriter[] = []
let isScheduled = false

function flushWaiting(): void {
  isScheduled = false
  // A flush can call no one back, so nobody joins the list while it is walked.
  for (const writer of waiting) writer.flush()
  waiting.length = 0
}

/**
 * Collects what one turn of the event loop has to say to a socket, and writes it once: one system call, one TLS record run.
 * Text and octets are copied in, so the caller's buffers are free at once. A buffer is used again once the kernel has taken it whole.
 */
export class SocketWriter {
  /** Writes that reached the socket: while it stays the same, no octet left. */
  writeCount = 0
  readonly #socket: Socket
  /** Head text that waits, and small bodies with it. Comes before `#buffer` has anything. */
  #text = ''
  #buffer: Buffer | undefined
  #used = 0
  #isWaiting = false
  #isEnded = false

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** Octets that were given and that the kernel has not taken. */
  get unsentBytes(): number {
    return this.#text.length + this.#used + this.#socket.writableLength
  }

  /** Adds text, one octet a character. */
  text(text: string): void {
    if (this.#used === 0) {
      if (this.#text.length + text.length <= TEXT_LENGTH) {
        this.#text += text
        return
      }
      this.#textToBuffer()
    }
    if (text.length > BUFFER_BYTES - this.#used) this.flush()
    if (text.length > BUFFER_BYTES) this.#write(Buffer.from(text, 'latin1'))
    else this.#used += this.#take().write(text, this.#used, 'latin1')
  }

  /** Adds a *copy* of `chunk`. */
  bytes(chunk: Buffer): void {
    const length = chunk.length
    if (this.#used === 0) {
      if (length <= TEXT_BODY_BYTES && this.#text.length + length <= TEXT_LENGTH) {
        this.#text += chunk.toString('latin1')
        return
      }
      this.#textToBuffer()
    }
    for (let from = 0; from < length; ) {
      const count = Math.min(length - from, BUFFER_BYTES - this.#used)
      chunk.copy(this.#take(), this.#used, from, from + count)
      this.#used += count
      from += count
      if (this.#used === BUFFER_BYTES) this.flush()
    }
  }

  /** Writes at the end of this turn of the loop. */
  flushSoon(): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    waiting.push(this)
    if (isScheduled) return
    isScheduled = true
    setImmediate(flushWaiting)
  }

  /** Writes what was collected, now. */
  flush(): void {
    this.#isWaiting = false
    if (this.#used > 0) this.#flushBuffer()
    else if (this.#text.length > 0) {
      const text = this.#text
      this.#text = ''
      if (!this.#isOpen()) return
      this.writeCount++
      this.#socket.write(text, 'latin1')
    }
  }

  /** Writes what was collected, and then the end. */
  end(): void {
    this.flush()
    if (this.#isEnded) return
    this.#isEnded = true
    this.#socket.end()
  }

  #isOpen(): boolean {
    return !this.#isEnded && this.#socket.writable
  }

  #take(): Buffer {
    this.#buffer ??= freeBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
    return this.#buffer
  }

  #textToBuffer(): void {
    if (this.#text.length === 0) return
    this.#used = this.#take().write(this.#text, 0, 'latin1')
    this.#text = ''
  }

  #flushBuffer(): void {
    const buffer = this.#take()
    const filled = buffer.subarray(0, this.#used)
    this.#buffer = undefined
    this.#used = 0
    if (filled.length >= BULK_BYTES && this.#isOpen()) this.#writeBulk(filled, buffer)
    else if (this.#write(filled)) giveBack(buffer)
  }

  #writeBulk(octets: Buffer, buffer: Buffer): void {
    this.writeCount++
    let isFree = false
    const free = (): void => {
      if (!isFree) giveBack(buffer)
      isFree = true
    }
    this.#socket.write(octets, free)
    if (this.#socket.writableLength === 0) free() // the kernel took it at once, and says so later
  }

  /** Whether the octets are free again: the kernel took them, or a copy waits. */
  #write(octets: Buffer): boolean {
    const socket = this.#socket
    if (!this.#isOpen()) return true
    this.writeCount++
    if (socket.writableLength > 0) {
      // Something waits already: an exact copy, lest each small piece hold a whole buffer.
      socket.write(Buffer.from(octets))
      return true
    }
    socket.write(octets)
    return socket.writableLength === 0
  }
}
