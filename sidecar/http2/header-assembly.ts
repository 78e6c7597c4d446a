/** The header block of one HEADERS frame and its CONTINUATION frames, while it is not complete (RFC 9113 §4.3). */
export class HeaderAssembly {
  /** The stream that the next frame must continue, 0 when no block is open. */
  streamId = 0
  isEnd = false
  frameCount = 0
  bytes = 0
  #octets: Buffer = Buffer.alloc(0)

  /** Begins with a copy of [start, end). */
  begin(streamId: number, isEnd: boolean, octets: Buffer, start: number, end: number): void {
    this.streamId = streamId
    this.isEnd = isEnd
    this.frameCount = 0
    this.bytes = 0
    this.#append(octets, start, end)
  }

  /** Adds a copy of a CONTINUATION frame's payload; the caller has judged `frameCount` and `bytes`. */
  add(octets: Buffer, start: number, end: number): void {
    this.frameCount++
    this.#append(octets, start, end)
  }

  /** Ends the block: a view that is valid until the next `begin`. */
  take(): Buffer {
    this.streamId = 0
    return this.#octets.subarray(0, this.bytes)
  }

  #append(octets: Buffer, start: number, end: number): void {
    const bytes = this.bytes + end - start
    if (bytes > this.#octets.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.#octets.length))
      this.#octets.copy(grown, 0, 0, this.bytes)
      this.#octets = grown
    }
    octets.copy(this.#octets, this.bytes, start, end)
    this.bytes = bytes
  }
}
