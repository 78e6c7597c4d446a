import { byteAt } from '../../core/byte-at.ts'
import { TurnBudget } from '../../core/turn-budget.ts'
import { Flag, FRAME_HEADER_BYTES, FrameType } from './frame-type.ts'

/** What the reader finds. Octets are borrowed: valid until the call returns. */
export interface FrameTarget {
  /** A frame's header arrived. False stops the reader for good. */
  onFrameStart(type: number, flags: number, streamId: number, length: number): boolean
  /** A piece of a DATA frame's payload; `isEnd` when it is the last piece of a frame that ends the stream. */
  onData(streamId: number, octets: Buffer, start: number, end: number, isEnd: boolean): void
  /** A complete frame of any other type, or a padded DATA frame, with its payload in [start, end). */
  onFrame(type: number, flags: number, streamId: number, octets: Buffer, start: number, end: number): void
}

/**
 * Cuts what arrives into frames, wherever it is split. Payloads of DATA are passed on as they come; of other frames only
 * an incomplete one at the end of a chunk is copied, at most one frame, whose length was judged before.
 */
export class FrameReader {
  readonly #target: FrameTarget
  readonly #budget: TurnBudget
  /** A frame that is not complete, with its header. */
  #tail: Buffer = Buffer.allocUnsafeSlow(512)
  #tailBytes = 0
  /** Octets of the tail's frame, its header included; 9 until the header is complete. */
  #wantedBytes = FRAME_HEADER_BYTES
  #dataLeft = 0
  #dataStreamId = 0
  #dataEnds = false
  #isStopped = false

  /** @param budget each frame is a piece; without it there is no end to a turn */
  constructor(target: FrameTarget, budget: TurnBudget = new TurnBudget(1, 1)) {
    this.#target = target
    this.#budget = budget
  }

  /** A frame other than DATA has begun and is not complete: the last one of the frames read. */
  get isFramePartial(): boolean {
    return this.#tailBytes > 0
  }

  /** Frames that did not come in one piece, ever. */
  tailCount = 0

  /** Nothing is delivered any more. */
  stop(): void {
    this.#isStopped = true
  }

  /** Takes a borrowed chunk from `at` on. Returns how far it came: what is left is for the next turn. */
  receive(chunk: Buffer, at = 0): number {
    let next = at
    while (next < chunk.length && !this.#isStopped && this.#budget.left > 0) {
      if (this.#dataLeft > 0) next = this.#readData(chunk, next)
      else if (this.#tailBytes > 0) next = this.#completeTail(chunk, next)
      else next = this.#readFrame(chunk, next)
    }
    return next
  }

  #readFrame(chunk: Buffer, at: number): number {
    if (chunk.length - at < FRAME_HEADER_BYTES) return this.#keepTail(chunk, at)
    const length = byteAt(chunk, at) * 0x10000 + byteAt(chunk, at + 1) * 0x100 + byteAt(chunk, at + 2)
    const type = byteAt(chunk, at + 3)
    const flags = byteAt(chunk, at + 4)
    const streamId = readStreamId(chunk, at + 5)
    if (!this.#target.onFrameStart(type, flags, streamId, length)) {
      this.#isStopped = true
      return chunk.length
    }
    this.#budget.left--
    const payload = at + FRAME_HEADER_BYTES
    if (type === FrameType.data && (flags & Flag.padded) === 0) {
      this.#beginData(streamId, flags, length, chunk)
      return payload
    }
    if (chunk.length - payload < length) {
      this.#wantedBytes = FRAME_HEADER_BYTES + length
      return this.#keepTail(chunk, at)
    }
    this.#target.onFrame(type, flags, streamId, chunk, payload, payload + length)
    return payload + length
  }

  #beginData(streamId: number, flags: number, length: number, chunk: Buffer): void {
    this.#dataStreamId = streamId
    this.#dataEnds = (flags & Flag.endStream) !== 0
    this.#dataLeft = length
    if (length === 0) this.#target.onData(streamId, chunk, 0, 0, this.#dataEnds)
  }

  #readData(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#dataLeft)
    this.#dataLeft -= end - at
    this.#target.onData(this.#dataStreamId, chunk, at, end, this.#dataEnds && this.#dataLeft === 0)
    return end
  }

  /** Keeps the rest of the chunk, the beginning of a frame. */
  #keepTail(chunk: Buffer, at: number): number {
    const bytes = chunk.length - at
    this.tailCount++
    this.#growTail(this.#wantedBytes)
    chunk.copy(this.#tail, 0, at)
    this.#tailBytes = bytes
    return chunk.length
  }

  #growTail(bytes: number): void {
    if (bytes <= this.#tail.length) return
    const grown = Buffer.allocUnsafeSlow(bytes)
    this.#tail.copy(grown, 0, 0, this.#tailBytes)
    this.#tail = grown
  }

  /** Adds to the tail what its header, then its frame, still lacks. */
  #completeTail(chunk: Buffer, at: number): number {
    const hadHeader = this.#tailBytes >= FRAME_HEADER_BYTES
    const end = Math.min(chunk.length, at + this.#wantedBytes - this.#tailBytes)
    chunk.copy(this.#tail, this.#tailBytes, at, end)
    this.#tailBytes += end - at
    if (this.#tailBytes < this.#wantedBytes) return end
    const tail = this.#tail
    const length = tail.readUIntBE(0, 3)
    const type = byteAt(tail, 3)
    const flags = byteAt(tail, 4)
    const streamId = readStreamId(tail, 5)
    if (!hadHeader) {
      this.#budget.left--
      if (!this.#target.onFrameStart(type, flags, streamId, length)) {
        this.#isStopped = true
        return end
      }
      if (type === FrameType.data && (flags & Flag.padded) === 0) {
        this.#endTail()
        this.#beginData(streamId, flags, length, tail)
        return end
      }
      this.#wantedBytes = FRAME_HEADER_BYTES + length
      this.#growTail(this.#wantedBytes)
      if (length > 0) return end
    }
    this.#endTail()
    this.#target.onFrame(type, flags, streamId, this.#tail, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length)
    return end
  }

  #endTail(): void {
    this.#tailBytes = 0
    this.#wantedBytes = FRAME_HEADER_BYTES
  }
}

/** The reserved bit is ignored (RFC 9113 §4.1). */
function readStreamId(octets: Uint8Array, at: number): number {
  return (
    ((byteAt(octets, at) & 0x7f) << 24) |
    (byteAt(octets, at + 1) << 16) |
    (byteAt(octets, at + 2) << 8) |
    byteAt(octets, at + 3)
  )
}
