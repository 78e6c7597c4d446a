import { byteAt } from '../core/byte-at.ts'
import { meshError } from '../core/mesh-errors.ts'
import type { ConnectionCore } from './connection-core.ts'
import { ErrorCode, Flag, FrameType, MAX_31_BITS } from './frame/frame-type.ts'
import type { ReceivedHeads } from './received-heads.ts'
import { applySettings } from './received-settings.ts'
import { ServerStream } from './stream/server-stream.ts'
import { StreamState } from './stream/stream-state.ts'

/** First octets of our own PINGs, to tell the answers apart. */
const KEEP_ALIVE = Buffer.from('alive\0\0\0', 'latin1')
const DRAIN = Buffer.from('drain\0\0\0', 'latin1')

/** Frames that are about the connection or a stream's state: RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, PRIORITY. */
export class ControlFrames {
  readonly #core: ConnectionCore
  readonly #heads: ReceivedHeads
  /** Client: the next stream id to use. */
  nextStreamId = 1

  constructor(core: ConnectionCore, heads: ReceivedHeads) {
    this.#core = core
    this.#heads = heads
  }

  /** Whether the stream was never opened (RFC 9113 §5.1.1). */
  isIdle(streamId: number): boolean {
    if (this.#core.role === 'server') return streamId % 2 === 0 || streamId > this.#core.lastPeerStreamId
    return streamId % 2 === 0 || streamId >= this.nextStreamId
  }

  onFrame(type: number, flags: number, streamId: number, octets: Buffer, start: number, end: number): void {
    const core = this.#core
    switch (type) {
      case FrameType.windowUpdate:
        return void this.#onWindowUpdate(streamId, octets.readUInt32BE(start) & MAX_31_BITS)
      case FrameType.resetStream:
        return void this.#onReset(streamId, octets.readUInt32BE(start))
      case FrameType.settings:
        return void this.#onSettings(flags, octets, start, end)
      case FrameType.ping:
        return void this.#onPing(flags, octets, start)
      case FrameType.goAway:
        return void this.#onGoAway(octets.readUInt32BE(start) & MAX_31_BITS, octets.readUInt32BE(start + 4))
      default: // PRIORITY, deprecated by RFC 9113 §5.3.2, and what is unknown (§4.1): counted and ignored
        if (!core.guard.takesPriority()) core.fail(ErrorCode.enhanceYourCalm, 'too many frames that mean nothing')
        else if (type === FrameType.priority) this.takesDependency(streamId, octets, start)
    }
  }

  /**
   * Whether the priority at `at` may be. It is ignored (RFC 9113 §5.3.2), but for one that was never allowed, of a stream
   * that depends on itself (RFC 7540 §5.3.1): a connection error, which costs less than answering with resets.
   */
  takesDependency(streamId: number, octets: Buffer, at: number): boolean {
    if ((octets.readUInt32BE(at) & MAX_31_BITS) !== streamId) return true
    this.#core.fail(ErrorCode.protocolError, `stream ${streamId} depends on itself`)
    return false
  }

  /** Asks the peer for a sign of life: `onPong` says it came. */
  ping(): void {
    this.#core.writer.ping(KEEP_ALIVE, 0, false)
    this.#core.outflow.announce()
  }

  /** First step of leaving (RFC 9113 §6.8): takes what is under way for a round trip more. */
  startDrain(): void {
    const core = this.#core
    core.isGoingAway = true
    if (core.role === 'client') {
      core.closesWhenEmpty = true
      core.checkDrained()
      return
    }
    core.writer.goAway(MAX_31_BITS, ErrorCode.noError, '')
    core.writer.ping(DRAIN, 0, false)
    core.outflow.announce()
  }

  /** Second step: says what the last stream was, and ignores those above. */
  finishDrain(): void {
    const core = this.#core
    if (core.isClosed || core.closesWhenEmpty) return
    this.#heads.highestStreamId = core.lastPeerStreamId
    core.writer.goAway(core.lastPeerStreamId, ErrorCode.noError, '')
    core.closesWhenEmpty = true
    core.outflow.announce()
    core.checkDrained()
  }

  #onWindowUpdate(streamId: number, bytes: number): void {
    const core = this.#core
    if (!core.guard.takesWindowUpdate())
      return void core.fail(ErrorCode.enhanceYourCalm, 'too many WINDOW_UPDATE frames')
    if (streamId === 0) {
      core.sendWindowBytes += bytes
      if (bytes === 0) return void core.fail(ErrorCode.protocolError, 'WINDOW_UPDATE of 0')
      if (core.sendWindowBytes > MAX_31_BITS)
        return void core.fail(ErrorCode.flowControlError, 'the window is over 2^31 - 1')
      return void core.pump()
    }
    const stream = core.streams.get(streamId)
    if (stream === undefined) {
      if (this.isIdle(streamId)) core.fail(ErrorCode.protocolError, `WINDOW_UPDATE on idle stream ${streamId}`)
      return
    }
    if (bytes === 0) return void core.failStream(stream, ErrorCode.protocolError, 'WINDOW_UPDATE of 0')
    stream.sendWindowBytes += bytes
    if (stream.sendWindowBytes > MAX_31_BITS) {
      return void core.failStream(stream, ErrorCode.flowControlError, 'the window is over 2^31 - 1')
    }
    if (stream.queue === undefined || stream.queue.bytes === 0) return
    core.addPending(stream)
    core.pump()
  }

  #onReset(streamId: number, code: number): void {
    const core = this.#core
    if (this.isIdle(streamId)) return void core.fail(ErrorCode.protocolError, `RST_STREAM on idle stream ${streamId}`)
    if (!core.guard.takesReset()) return void core.fail(ErrorCode.enhanceYourCalm, 'too many RST_STREAM frames')
    const stream = core.streams.get(streamId)
    if (stream === undefined) return
    core.budget.takeCancel()
    if (stream instanceof ServerStream && !stream.hasResponse && !this.#takesEarly(stream)) return
    if (stream instanceof ServerStream)
      stream.abort(meshError('cancelled', `the caller reset the stream with code ${code}`))
    else if (code === ErrorCode.noError && stream.state === StreamState.halfClosedRemote) stream.stopSending()
    else if (code === ErrorCode.refusedStream) stream.abort(meshError('refused', 'the peer refused the stream'))
    else stream.abort(meshError('reset', `the peer reset the stream with code ${code}`))
  }

  #takesEarly(stream: ServerStream): boolean {
    const core = this.#core
    if (core.guard.takesEarlyReset(core.clock.nowMs() - stream.openedMs)) return true
    core.fail(ErrorCode.enhanceYourCalm, 'too many requests reset as soon as they were made')
    return false
  }

  #onSettings(flags: number, octets: Buffer, start: number, end: number): void {
    const core = this.#core
    if ((flags & Flag.ack) !== 0) {
      this.#heads.areSettingsKnown = true
      this.#takesWord()
      return
    }
    if (!core.guard.takesSettings((end - start) / 6))
      return void core.fail(ErrorCode.enhanceYourCalm, 'too many SETTINGS')
    applySettings(core, octets, start, end)
    if (core.isClosed) return
    core.peer.areKnown = true
    core.writer.settingsAck()
    core.boundControlFrames()
    core.outflow.announce()
    core.owner.onCapacity()
  }

  #onPing(flags: number, octets: Buffer, start: number): void {
    const core = this.#core
    if ((flags & Flag.ack) !== 0) {
      if (!this.#takesWord()) return
      if (byteAt(octets, start) === byteAt(DRAIN, 0)) this.finishDrain()
      else core.owner.onPong()
      return
    }
    if (!this.#takesWord()) return
    core.writer.ping(octets, start, true)
    core.boundControlFrames()
    core.outflow.announce()
  }

  /** PING and every frame that answers or announces something: a peer has few reasons for them. */
  #takesWord(): boolean {
    const core = this.#core
    if (core.guard.takesPing()) return true
    core.fail(ErrorCode.enhanceYourCalm, 'too many PING, GOAWAY or acknowledging frames')
    return false
  }

  /** RFC 9113 §6.8: streams above `lastStreamId` were not processed; the others go on. */
  #onGoAway(lastStreamId: number, code: number): void {
    const core = this.#core
    if (!this.#takesWord()) return
    core.isGoingAway = true
    if (core.role === 'client') {
      const error = meshError('refused', `the peer went away with code ${code}`)
      for (const stream of core.streams.list()) if (stream.id > lastStreamId) stream.abort(error)
      core.closesWhenEmpty = true
    }
    core.owner.onGoAway()
    core.checkDrained()
  }
}
