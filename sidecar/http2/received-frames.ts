import { byteAt } from '../core/byte-at.ts'
import type { Timer } from '../core/clock.ts'
import { LIMITS } from '../core/limits.ts'
import { NO_FIELDS } from '../http/head.ts'
import type { ConnectionCore } from './connection-core.ts'
import type { ControlFrames } from './control-frames.ts'
import type { FrameTarget } from './frame/frame-reader.ts'
import { faultOfHeader } from './frame/frame-rules.ts'
import { ErrorCode, Flag, FrameType } from './frame/frame-type.ts'
import { HeaderAssembly } from './header-assembly.ts'
import type { ReceivedHeads } from './received-heads.ts'
import type { Http2Stream } from './stream/http2-stream.ts'
import { StreamState } from './stream/stream-state.ts'

/** What arrives: judges each frame in its context and gives it to whom it concerns. */
export class ReceivedFrames implements FrameTarget {
  readonly #core: ConnectionCore
  readonly #heads: ReceivedHeads
  readonly #control: ControlFrames
  readonly #assembly = new HeaderAssembly()
  /** The stream of the DATA frame that is being read; undefined when its bytes go nowhere. */
  #dataStream: Http2Stream | undefined
  /** The first frame came. */
  hasSettings = false
  /** Runs while a header block is open. */
  #blockTimer: Timer | undefined

  constructor(core: ConnectionCore, heads: ReceivedHeads, control: ControlFrames) {
    this.#core = core
    this.#heads = heads
    this.#control = control
  }

  onFrameStart(type: number, flags: number, streamId: number, length: number): boolean {
    const core = this.#core
    if (core.isClosed) return false // by the frame before it, in the same read
    const fault = faultOfHeader(type, flags, streamId, length, core.settings.frameBytes)
    if (fault !== ErrorCode.noError)
      core.fail(fault, `frame of type ${type} with ${length} octets on stream ${streamId}`)
    else if (!this.hasSettings) this.#checkFirst(type, flags)
    else if (
      this.#assembly.streamId !== 0 &&
      (type !== FrameType.continuation || streamId !== this.#assembly.streamId)
    ) {
      core.fail(ErrorCode.protocolError, 'a header block is interrupted') // §4.3
    } else if (type === FrameType.data) this.#startData(flags, streamId, length)
    return !core.isClosed
  }

  onData(_streamId: number, octets: Buffer, start: number, end: number, isEnd: boolean): void {
    const core = this.#core
    const stream = this.#dataStream
    if (stream === undefined || stream.isDead) {
      core.creditConnection(end - start)
      if (isEnd && stream !== undefined) core.onPeerEnded(stream)
      return
    }
    if (!stream.receiveBody(octets, start, end)) {
      core.creditConnection(end - start)
      this.#dataStream = undefined
      core.guard.counters.malformedMessage++
      core.failStream(stream, ErrorCode.protocolError, 'the body is longer than content-length')
      return
    }
    if (isEnd && !stream.isDead && !stream.receiveEnd(NO_FIELDS)) {
      core.guard.counters.malformedMessage++
      core.failStream(stream, ErrorCode.protocolError, 'the body is shorter than content-length')
    }
  }

  onFrame(type: number, flags: number, streamId: number, octets: Buffer, start: number, end: number): void {
    switch (type) {
      case FrameType.headers:
        this.#onHeaders(flags, streamId, octets, start, end)
        return
      case FrameType.continuation:
        this.#onContinuation(flags, streamId, octets, start, end)
        return
      case FrameType.data:
        this.#onPaddedData(flags, streamId, octets, start, end)
        return
      default:
        this.#control.onFrame(type, flags, streamId, octets, start, end)
    }
  }

  /** RFC 9113 §3.4: the first frame of either side is SETTINGS. */
  #checkFirst(type: number, flags: number): void {
    this.hasSettings = true
    if (type === FrameType.settings && (flags & Flag.ack) === 0) return
    this.#core.fail(ErrorCode.protocolError, 'the first frame is not SETTINGS')
  }

  /** Flow control counts the whole payload, padding included, whatever becomes of it (RFC 9113 §6.9.1). */
  #startData(flags: number, streamId: number, length: number): void {
    const core = this.#core
    this.#dataStream = undefined
    core.receiveWindow.leftBytes -= length
    if (core.receiveWindow.leftBytes < 0)
      return void core.fail(ErrorCode.flowControlError, 'DATA past the window of the connection')
    if ((flags & Flag.padded) === 0 && !this.#takesData(length, flags)) return
    const stream = core.streams.get(streamId)
    if (stream === undefined) return void this.#onStrayData(streamId)
    stream.receiveWindowBytes -= length
    if (stream.receiveWindowBytes < 0) {
      return void core.failStream(stream, ErrorCode.flowControlError, 'DATA past the window of the stream')
    }
    if (stream.state !== StreamState.open && stream.state !== StreamState.halfClosedLocal) {
      return void core.failStream(stream, ErrorCode.streamClosed, 'DATA after the end of the stream')
    }
    if (!stream.takesBody && !stream.isDead)
      return void core.failStream(stream, ErrorCode.protocolError, 'DATA before the head')
    this.#dataStream = stream
  }

  /** Whether a DATA frame with `bytes` of a body may be: padding alone is as empty as nothing. */
  #takesData(bytes: number, flags: number): boolean {
    const { guard } = this.#core
    if (guard.takesContent(bytes === 0 && (flags & Flag.endStream) === 0)) return true
    this.#core.fail(ErrorCode.enhanceYourCalm, 'empty frames')
    return false
  }

  /** Late bytes of a stream that we reset are dropped; those of one that the peer ended are its fault (RFC 9113 §5.1). */
  #onStrayData(streamId: number): void {
    const core = this.#core
    if (this.#control.isIdle(streamId))
      return void core.fail(ErrorCode.protocolError, `DATA on idle stream ${streamId}`)
    if (core.role === 'client') {
      if (this.#heads.isEndedByPeer(streamId)) core.fail(ErrorCode.streamClosed, 'DATA after the end of the response')
      return
    }
    if (core.resets.has(streamId) || streamId > this.#heads.highestStreamId) return
    core.resetStream(streamId, ErrorCode.streamClosed)
    core.countProvoked()
  }

  #onPaddedData(flags: number, streamId: number, octets: Buffer, start: number, end: number): void {
    const padding = start < end ? byteAt(octets, start) + 1 : 0
    if (padding === 0 || padding > end - start)
      return void this.#core.fail(ErrorCode.protocolError, 'padding longer than its frame')
    if (!this.#takesData(end - start - padding, flags)) return
    this.#dataStream?.creditPadding(padding)
    this.#core.creditConnection(padding)
    this.onData(streamId, octets, start + 1, end - padding + 1, (flags & Flag.endStream) !== 0)
  }

  #onHeaders(flags: number, streamId: number, octets: Buffer, start: number, end: number): void {
    const core = this.#core
    let from = start
    let to = end
    if ((flags & Flag.padded) !== 0 && from < end) to -= byteAt(octets, from++)
    else if ((flags & Flag.padded) !== 0) to = -1
    const isPrioritized = (flags & Flag.priority) !== 0
    if (isPrioritized) from += 5
    if (from > to) return void core.fail(ErrorCode.protocolError, 'padding longer than its frame')
    if (isPrioritized && !this.#control.takesDependency(streamId, octets, from - 5)) return
    if (core.role === 'server' ? streamId % 2 === 0 : this.#control.isIdle(streamId)) {
      return void core.fail(ErrorCode.protocolError, `HEADERS on stream ${streamId}, which the peer may not open`)
    }
    const isEnd = (flags & Flag.endStream) !== 0
    if ((flags & Flag.endHeaders) !== 0) return void this.#decode(streamId, isEnd, octets, from, to)
    if (!core.guard.takesContent(from === to)) return void core.fail(ErrorCode.enhanceYourCalm, 'empty frames')
    this.#assembly.begin(streamId, isEnd, octets, from, to)
    this.#blockTimer = core.clock.after(LIMITS.headTimeoutMs, this.#onSlowBlock, { background: true })
  }

  #onContinuation(flags: number, streamId: number, octets: Buffer, start: number, end: number): void {
    const core = this.#core
    const assembly = this.#assembly
    if (assembly.streamId !== streamId) return void core.fail(ErrorCode.protocolError, 'CONTINUATION without HEADERS')
    const isLast = (flags & Flag.endHeaders) !== 0
    if (!core.guard.takesContent(start === end && !isLast))
      return void core.fail(ErrorCode.enhanceYourCalm, 'empty frames')
    if (!core.guard.takesContinuation(assembly.frameCount + 1, assembly.bytes + end - start)) {
      return void core.fail(ErrorCode.enhanceYourCalm, 'a header block of too many frames')
    }
    assembly.add(octets, start, end)
    if (!isLast) return
    this.stopWaiting()
    const block = assembly.take()
    this.#decode(streamId, assembly.isEnd, block, 0, block.length)
  }

  /** The connection is over, or the block. */
  stopWaiting(): void {
    this.#blockTimer?.cancel()
    this.#blockTimer = undefined
  }

  /** Frames of one block may not come for ever, however few they are. */
  readonly #onSlowBlock = (): void => {
    const core = this.#core
    if (core.isClosed) return
    core.guard.counters.headerBlockTimeout++
    core.fail(ErrorCode.enhanceYourCalm, 'a header block does not end')
  }

  /** Every block is decoded, also one that is then ignored: the table depends on it (RFC 9113 §4.3). */
  #decode(streamId: number, isEnd: boolean, octets: Buffer, start: number, end: number): void {
    const core = this.#core
    const block = core.decoder.decode(octets, start, end)
    if (typeof block === 'string') return void core.fail(ErrorCode.compressionError, `header block: ${block}`)
    if (!core.guard.takesList(block)) return void core.fail(ErrorCode.enhanceYourCalm, 'a header bomb')
    core.guard.takesContent(false)
    this.#heads.onBlock(streamId, block, isEnd)
  }
}
