import { errorFacts, type MeshError, meshError } from '../core/mesh-errors.ts'
import { findField } from '../http/fields.ts'
import { type RequestHead, type ResponseHead, UNKNOWN_LENGTH } from '../http/head.ts'
import { ERROR_FIELD, UPGRADE_DECLINED } from '../http/header-rules.ts'
import type { ConnectionCore } from './connection-core.ts'
import { ErrorCode, MAX_31_BITS } from './frame/frame-type.ts'
import type { HeaderBlock } from './hpack/header-block.ts'
import { findResponseHead, readResponse, toRequestHead, toTrailers } from './message-heads.ts'
import type { ClientStream } from './stream/client-stream.ts'
import { ServerStream } from './stream/server-stream.ts'
import { StreamEvent, StreamState } from './stream/stream-state.ts'

/** What a complete header block does: opens a stream, answers one, or ends one with trailers (RFC 9113 §8.1). */
export class ReceivedHeads {
  readonly #core: ConnectionCore
  /** Streams above this id are ignored: a GOAWAY said so. */
  highestStreamId = MAX_31_BITS
  /** The peer knows our settings: what breaks them is its fault. */
  areSettingsKnown = false
  /** Server: streams that the peer opened. Fewer than its ids allow: it skipped some. */
  #openedCount = 0

  constructor(core: ConnectionCore) {
    this.#core = core
  }

  /** Takes the decoded block of a HEADERS frame. */
  onBlock(streamId: number, block: HeaderBlock, isEnd: boolean): void {
    const core = this.#core
    const stream = core.streams.get(streamId)
    if (stream instanceof ServerStream) this.#onTrailers(stream, block, isEnd)
    else if (stream?.isDead === true) this.#onGivenUp(stream, isEnd)
    else if (stream !== undefined) this.#onResponse(stream, block, isEnd)
    else if (core.role === 'server') this.#onNewStream(streamId, block, isEnd)
    else if (this.isEndedByPeer(streamId)) core.fail(ErrorCode.streamClosed, 'HEADERS after the end of the response')
    // Else a response to what we gave up: RFC 9113 §5.1 wants it ignored. `onFrame` refused ids that never were.
  }

  /** Client: the peer ended this stream lately, and may say nothing more on it. What is not remembered is let pass. */
  isEndedByPeer(streamId: number): boolean {
    return this.#core.closedStreams.has(streamId) && !this.#core.resets.has(streamId)
  }

  /** An answer to what we gave up, and could not say yet (`resetLater`). */
  #onGivenUp(stream: ClientStream, isEnd: boolean): void {
    if (isEnd) this.#core.onPeerEnded(stream)
  }

  #onNewStream(streamId: number, block: HeaderBlock, isEnd: boolean): void {
    const core = this.#core
    if (streamId <= core.lastPeerStreamId) {
      if (!core.resets.has(streamId)) this.#refuseOldId(streamId)
      return
    }
    if (streamId > this.highestStreamId) return
    core.lastPeerStreamId = streamId
    this.#openedCount++
    core.guard.streamOpened()
    core.budget.takeMessage(block.listBytes)
    const isOverCount = core.streams.size >= core.settings.streamCount
    if (isOverCount || core.isStuck) {
      core.guard.counters.refusedStream++
      core.resetStream(streamId, ErrorCode.refusedStream)
      // Our limit of streams the peer knows; how much room there is it does not.
      if (isOverCount && this.areSettingsKnown) core.countProvoked()
      else core.boundControlFrames()
      return
    }
    const stream = new ServerStream(streamId, core, core.peer.streamWindowBytes, core.peerAddress, core.clock.nowMs())
    stream.advance(StreamEvent.receiveHeaders)
    core.streams.add(stream)
    core.addHead(stream, block.listBytes)
    if (block.isTooLarge) return void this.#refuseLarge(stream)
    const head = toRequestHead(block, isEnd)
    if (typeof head === 'string') {
      this.#tellRefused(meshError('bad-request', head), 0)
      return this.#malformed(stream, head)
    }
    this.#begin(stream, head, isEnd)
  }

  /** An id that may have been skipped is out of order (RFC 9113 §5.1.1); else its stream was there, and is closed (§5.1). */
  #refuseOldId(streamId: number): void {
    const core = this.#core
    const isInOrder = this.#openedCount * 2 > core.lastPeerStreamId
    const code = isInOrder ? ErrorCode.streamClosed : ErrorCode.protocolError
    core.fail(code, `HEADERS on stream ${streamId}, which is ${isInOrder ? 'closed' : 'lower than the last one'}`)
  }

  #begin(stream: ServerStream, head: RequestHead, isEnd: boolean): void {
    if (isEnd) stream.advance(StreamEvent.receiveEnd)
    else if (head.upgrade === undefined) stream.expectedBytes = head.bodyLength
    stream.isUpgrade = head.upgrade !== undefined
    stream.isTunnel = stream.isUpgrade || head.method === 'CONNECT'
    this.#core.owner.onRequest(head, isEnd, stream)
  }

  /** RFC 9113 §10.5.1: 431 is the answer where the block could be decoded. */
  #refuseLarge(stream: ServerStream): void {
    const core = this.#core
    core.guard.counters.headerListTooLarge++
    const fields = [ERROR_FIELD, TOO_LARGE.code, 'content-length', '0']
    const { http } = errorFacts(TOO_LARGE.code)
    this.#tellRefused(TOO_LARGE, http)
    stream.sendHead({ status: http, fields, bodyLength: 0 }, true)
    stream.fail(ErrorCode.noError, TOO_LARGE)
    core.countProvoked()
  }

  #tellRefused(error: MeshError, status: number): void {
    const { owner, peerAddress } = this.#core
    owner.onRefused({ error, status, protocol: 'h2', peerAddress })
  }

  #onResponse(stream: ClientStream, block: HeaderBlock, isEnd: boolean): void {
    if (!stream.advance(StreamEvent.receiveHeaders)) {
      return void this.#core.failStream(stream, ErrorCode.streamClosed, 'HEADERS after the end of the response')
    }
    if (stream.hasHead) return void this.#onTrailers(stream, block, isEnd)
    if (block.isTooLarge) {
      this.#core.guard.counters.headerListTooLarge++
      return void this.#core.failStream(stream, ErrorCode.cancel, 'the response head is over the limit')
    }
    const known = stream.isTunnel ? undefined : findResponseHead(block, isEnd, !stream.isHead)
    if (known !== undefined) return void this.#final(stream, known, isEnd, false)
    // Only a success opens the tunnel: a refusal is a response like any other, with its body.
    const isTunnelOpen =
      stream.isTunnel && Number(block.status) < 300 && findField(block.fields, UPGRADE_DECLINED) === undefined
    const response = readResponse(block, isEnd, !stream.isHead && !isTunnelOpen)
    if (response.kind === 'malformed') return void this.#malformed(stream, response.reason)
    if (response.kind === 'final') return void this.#final(stream, response.head, isEnd, isTunnelOpen)
    if (stream.interimCount >= this.#core.settings.interimResponseCount) {
      this.#core.guard.counters.interimFlood++
      return void this.#core.failStream(stream, ErrorCode.protocolError, 'too many interim responses')
    }
    stream.receiveInterim(response.status, response.fields)
  }

  #final(stream: ClientStream, head: ResponseHead, isEnd: boolean, isTunnelOpen: boolean): void {
    if (isEnd) {
      stream.advance(StreamEvent.receiveEnd)
      if (stream.state === StreamState.closed) this.#core.onStreamClosed(stream)
    }
    if (!isTunnelOpen) {
      stream.expectedBytes = head.bodyLength
      return void stream.receiveHead(head, isEnd)
    }
    // RFC 8441 §5: 200 is the switch that HTTP/1 says with 101. A tunnel's bytes have no length (RFC 9110 §9.3.6).
    const status = stream.isUpgrade && head.status === 200 ? 101 : head.status
    stream.receiveHead({ status, fields: head.fields, bodyLength: isEnd ? 0 : UNKNOWN_LENGTH }, isEnd)
  }

  #malformed(stream: ClientStream | ServerStream, reason: string): void {
    this.#core.guard.counters.malformedMessage++
    this.#core.failStream(stream, ErrorCode.protocolError, reason)
  }

  #onTrailers(stream: ClientStream | ServerStream, block: HeaderBlock, isEnd: boolean): void {
    if (stream.state !== StreamState.open && stream.state !== StreamState.halfClosedLocal) {
      return void this.#core.failStream(stream, ErrorCode.streamClosed, 'HEADERS after the end of the stream')
    }
    const trailers = toTrailers(block)
    if (!isEnd || trailers === undefined) return void this.#malformed(stream, 'trailers that are no trailers')
    if (!stream.receiveEnd(trailers)) this.#malformed(stream, 'the body is shorter than content-length')
  }
}

const TOO_LARGE: MeshError = meshError('headers-too-large', 'the request head is over the limit')
