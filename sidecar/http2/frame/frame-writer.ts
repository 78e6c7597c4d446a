import { Flag, FRAME_HEADER_BYTES, FrameType } from './frame-type.ts'
import { OutputBuffer } from './output-buffer.ts'

/** Writes frames (RFC 9113 §6) one behind the other into one buffer, which leaves in one write. */
export class FrameWriter {
  readonly output = new OutputBuffer()
  /** Control frames that wait since the last `take`: what a peer that does not read can make us hold. */
  waitingControlFrames = 0
  /** Where the last DATA or HEADERS frame's flags are, from the start of what waits, and whose it is; 0 for nobody's. */
  #lastFlagsAt = 0
  #lastStreamId = 0
  #headersAt = 0

  /** Hands over what waits: a view that is never written again. */
  take(): Buffer {
    this.waitingControlFrames = 0
    this.#lastStreamId = 0
    return this.output.take()
  }

  /** A DATA frame with a copy of [start, end). */
  data(streamId: number, octets: Uint8Array, start: number, end: number, isEnd: boolean): void {
    this.output.reserve(FRAME_HEADER_BYTES + end - start)
    this.#header(end - start, FrameType.data, isEnd ? Flag.endStream : 0, streamId)
    this.#rememberLast(streamId)
    this.output.append(octets, start, end)
  }

  /** Begins a HEADERS frame; its block is then appended to `output`, and `endHeaders` completes it. */
  beginHeaders(): void {
    this.output.reserve(FRAME_HEADER_BYTES)
    this.#headersAt = this.output.length
    this.output.end += FRAME_HEADER_BYTES
  }

  /** Completes the frame; a block longer than the peer's frames goes on in CONTINUATION frames (§6.10). */
  endHeaders(streamId: number, isEnd: boolean, maxFrameBytes: number): void {
    const output = this.output
    const blockBytes = output.length - this.#headersAt - FRAME_HEADER_BYTES
    const endStream = isEnd ? Flag.endStream : 0
    if (blockBytes > maxFrameBytes) {
      this.#splitBlock(streamId, endStream, blockBytes, maxFrameBytes)
      return
    }
    const end = output.end
    output.end = output.start + this.#headersAt
    this.#header(blockBytes, FrameType.headers, Flag.endHeaders | endStream, streamId)
    this.#rememberLast(streamId)
    output.end = end
  }

  /** Makes the last frame written end its stream, if it is this stream's and still waits. */
  endLast(streamId: number): boolean {
    if (this.#lastStreamId !== streamId) return false
    const at = this.output.start + this.#lastFlagsAt
    this.output.octets[at] = (this.output.octets[at] ?? 0) | Flag.endStream
    this.#lastStreamId = 0
    return true
  }

  resetStream(streamId: number, code: number): void {
    this.#control(4, FrameType.resetStream, 0, streamId)
    this.#uint32(code)
  }

  /** `settings`: identifier, value, identifier, value, … */
  settings(settings: readonly number[]): void {
    this.#control(settings.length * 3, FrameType.settings, 0, 0)
    for (let i = 0; i + 1 < settings.length; i += 2) {
      this.output.end = this.output.octets.writeUInt16BE(settings[i] ?? 0, this.output.end)
      this.#uint32(settings[i + 1] ?? 0)
    }
  }

  settingsAck(): void {
    this.#control(0, FrameType.settings, Flag.ack, 0)
  }

  /** A PING with the eight octets at `at`. */
  ping(octets: Uint8Array, at: number, isAck: boolean): void {
    this.#control(8, FrameType.ping, isAck ? Flag.ack : 0, 0)
    this.output.append(octets, at, at + 8)
  }

  goAway(lastStreamId: number, code: number, detail: string): void {
    this.#control(8 + detail.length, FrameType.goAway, 0, 0)
    this.#uint32(lastStreamId)
    this.#uint32(code)
    this.output.appendText(detail)
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#control(4, FrameType.windowUpdate, 0, streamId)
    this.#uint32(bytes)
  }

  #control(length: number, type: number, flags: number, streamId: number): void {
    this.output.reserve(FRAME_HEADER_BYTES + length)
    this.#header(length, type, flags, streamId)
    this.waitingControlFrames++
    this.#lastStreamId = 0
  }

  #rememberLast(streamId: number): void {
    this.#lastStreamId = streamId
    this.#lastFlagsAt = this.output.length - 5
  }

  /** Room was made. */
  #header(length: number, type: number, flags: number, streamId: number): void {
    const octets = this.output.octets
    const at = this.output.end
    octets[at] = length >>> 16
    octets[at + 1] = length >>> 8
    octets[at + 2] = length
    octets[at + 3] = type
    octets[at + 4] = flags
    octets[at + 5] = streamId >>> 24
    octets[at + 6] = streamId >>> 16
    octets[at + 7] = streamId >>> 8
    octets[at + 8] = streamId
    this.output.end = at + FRAME_HEADER_BYTES
  }

  #uint32(value: number): void {
    this.output.end = this.output.octets.writeUInt32BE(value, this.output.end)
  }

  #splitBlock(streamId: number, endStream: number, blockBytes: number, maxFrameBytes: number): void {
    const output = this.output
    const blockAt = output.start + this.#headersAt + FRAME_HEADER_BYTES
    const block = Buffer.from(output.octets.subarray(blockAt, blockAt + blockBytes)) // a copy: it is written over
    output.end = output.start + this.#headersAt
    for (let at = 0; at < blockBytes; at += maxFrameBytes) {
      const end = Math.min(blockBytes, at + maxFrameBytes)
      const flags = (at === 0 ? endStream : 0) | (end === blockBytes ? Flag.endHeaders : 0)
      output.reserve(FRAME_HEADER_BYTES + end - at)
      this.#header(end - at, at === 0 ? FrameType.headers : FrameType.continuation, flags, streamId)
      output.append(block, at, end)
    }
    this.#lastStreamId = 0
  }
}
