import { FrameWriter } from './frame/frame-writer.ts'
import type { HeldMemory } from './stream/held-memory.ts'

/** Body bytes wait in their streams once this much waits in the output: the rest of a turn's frames still leaves in one write. */
const OUTPUT_HIGH_BYTES = 256 * 1024

/** With this much unread by the peer, streams are refused; with as much in streams and output together, none asks for its answer. */
const OUTPUT_STUCK_BYTES = 1024 * 1024

/** What a connection has to say, how much of it the peer leaves unread, and who waits until it reads. */
export class Outflow {
  readonly writer = new FrameWriter()
  /** How often what waits was taken: within one of them, small pieces of a body wait for each other. */
  takenCount = 0
  readonly #memory: HeldMemory
  readonly #onOutput: () => void
  /** The socket takes more. */
  #isWritable = true
  /** A write is under way that did not end within its turn of the loop: what waits, waits for the peer. */
  #isBehind = false
  /** There was a backlog, and nobody asked since whether it ended. */
  #wasBacklogged = false
  #isAnnounced = false
  #isReadingAwaited = false

  /** @param onOutput hears, once, that something waits */
  constructor(memory: HeldMemory, onOutput: () => void) {
    this.#memory = memory
    this.#onOutput = onOutput
  }

  /** Body bytes may be added, as far as windows let them. */
  get takesBody(): boolean {
    return this.#isWritable && this.writer.output.length < OUTPUT_HIGH_BYTES
  }

  /** What waits, waits for the peer and not for the end of a turn. */
  get isBacklogged(): boolean {
    return this.#isBehind || !this.#isWritable
  }

  /** The peer reads so little that nothing new should begin. */
  get isStuck(): boolean {
    return this.isBacklogged && this.writer.output.length > OUTPUT_STUCK_BYTES
  }

  /** The peer reads nothing, and much waits for it, in streams too. */
  get isDeaf(): boolean {
    return this.isBacklogged && this.#memory.unsentBytes + this.writer.output.length > OUTPUT_STUCK_BYTES
  }

  /** Tells the owner, once, that something waits. */
  announce(): void {
    if (this.#isAnnounced || this.writer.output.length === 0) return
    this.#isAnnounced = true
    this.#onOutput()
  }

  /** What is added until `take` needs no announcement. */
  prepare(): void {
    this.#isAnnounced = true
  }

  take(): Buffer {
    this.takenCount++
    this.#isAnnounced = false
    this.#isBehind = false
    return this.writer.take()
  }

  /** The owner cannot take what waits: its last write is still under way. */
  fallBehind(): void {
    this.#isBehind = true
    this.#wasBacklogged = true
  }

  setWritable(isWritable: boolean): void {
    this.#isWritable = isWritable
    if (isWritable) this.#isAnnounced = false
    else this.#wasBacklogged = true
  }

  /** Whether a backlog has ended. Says so once. */
  endBacklog(): boolean {
    if (!this.#wasBacklogged || this.isBacklogged) return false
    this.#wasBacklogged = false
    return true
  }

  awaitReading(): void {
    this.#isReadingAwaited = true
  }

  /** Whether somebody waited for the peer to read. Says so once. */
  endAwaiting(): boolean {
    const wasAwaited = this.#isReadingAwaited
    this.#isReadingAwaited = false
    return wasAwaited
  }
}
