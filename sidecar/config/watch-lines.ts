import { err, ok, type Result } from '../../certs/result.ts'
import { LIMITS } from '../core/limits.ts'

const LINE_FEED = 0x0a

/**
 * Cuts a byte stream into lines (newline-delimited JSON, one message a line). Both ends of the watch stream use it.
 * Chunks are kept by reference until their line is complete; a line is UTF-8.
 */
export class LineSplitter {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #heldBytes = 0

  /** `maxBytes` is the longest line, without its line feed. */
  constructor(maxBytes: number = LIMITS.watchLineBytes) {
    this.#maxBytes = maxBytes
  }

  /** The lines that `chunk` completes, empty ones left out; an error when a line grows over the limit: the stream is then unusable. */
  push(chunk: Buffer): Result<readonly string[], string> {
    const lines: string[] = []
    let start = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      const lineBytes = this.#heldBytes + end - start
      if (lineBytes > this.#maxBytes) return err(this.#tooLong())
      const line = this.#take(chunk.subarray(start, end))
      if (line !== '') lines.push(line)
      start = end + 1
    }
    if (start < chunk.length) {
      this.#parts.push(chunk.subarray(start))
      this.#heldBytes += chunk.length - start
      if (this.#heldBytes > this.#maxBytes) return err(this.#tooLong())
    }
    return ok(lines)
  }

  #take(last: Buffer): string {
    const line =
      this.#parts.length === 0 ? last.toString('utf8') : Buffer.concat([...this.#parts, last]).toString('utf8')
    this.#parts = []
    this.#heldBytes = 0
    return line.trim()
  }

  #tooLong(): string {
    return `a line of the watch stream is longer than ${this.#maxBytes} bytes`
  }
}

/** One message as a line. */
export const toLine = (message: object): string => `${JSON.stringify(message)}\n`
