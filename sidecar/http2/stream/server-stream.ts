import assert from 'node:assert/strict'
import type { MeshError } from '../../core/mesh-errors.ts'
import type { Fields, ResponseHead } from '../../http/head.ts'
import type { DownstreamStream, RequestSink } from '../../http/streams.ts'
import { ErrorCode } from '../frame/frame-type.ts'
import { Http2Stream } from './http2-stream.ts'
import type { StreamHost } from './stream-host.ts'
import { StreamState } from './stream-state.ts'

/** A stream that the peer opened: the caller's side of an exchange. */
export class ServerStream extends Http2Stream implements DownstreamStream {
  readonly protocol = 'h2'
  readonly peerAddress: string
  /** Opened by Extended CONNECT (RFC 8441): 101 is said as 200. */
  isUpgrade = false
  /** CONNECT, extended or not: octets for as long as both sides like. */
  isTunnel = false
  /** When it was opened, monotonic ms. */
  readonly openedMs: number
  #sink: RequestSink | undefined
  #hasHead = false
  #awaitsReading = false

  constructor(id: number, host: StreamHost, sendWindowBytes: number, peerAddress: string, openedMs: number) {
    super(id, host, sendWindowBytes)
    this.peerAddress = peerAddress
    this.openedMs = openedMs
  }

  /** The head of the response was sent. */
  get hasResponse(): boolean {
    return this.#hasHead
  }

  get takesBody(): boolean {
    return true
  }

  attach(sink: RequestSink): void {
    assert(this.#sink === undefined, 'a stream has one sink')
    this.#sink = sink
  }

  takesAnswer(): boolean {
    if (!this.host.isDeaf) return true
    this.#awaitsReading = true
    this.host.awaitReading()
    return false
  }

  override onReading(): void {
    if (!this.#awaitsReading || this.isDead) return
    this.#awaitsReading = false
    this.deliverDrain()
  }

  sendInterim(status: number, fields: Fields): void {
    if (this.isDead || this.#hasHead || !this.#maySend()) return
    this.host.sendInterim(this, status, fields)
  }

  sendHead(head: ResponseHead, end: boolean): void {
    if (this.isDead || this.#hasHead || !this.#maySend()) return
    this.#hasHead = true
    this.host.sendResponseHead(this, head, end)
  }

  /**
   * Looks whether the peer leaves us waiting: with what it does not read, or with a body that does not come. Nothing else
   * is its doing. True when it has for `lookCount` looks in a row.
   */
  isStalled(lookCount: number, leastBytes: number): boolean {
    if (this.isTunnel || this.#hasMoved(leastBytes)) this.stalledLooks = 0
    else this.stalledLooks++
    this.freshBytes = 0
    return this.stalledLooks >= lookCount
  }

  /** `sentBytes` add up until they are enough; of a body any octet will do. */
  #hasMoved(leastBytes: number): boolean {
    const { queue } = this
    if (queue !== undefined && queue.bytes > 0) {
      if (queue.sentBytes < leastBytes) return false
      queue.sentBytes = 0
      return true
    }
    const awaitsBody = this.state === StreamState.open && !this.#hasHead && !this.isPaused
    return !awaitsBody || this.freshBytes > 0
  }

  reset(error: MeshError): void {
    this.giveUp(
      this.state === StreamState.halfClosedLocal
        ? ErrorCode.noError
        : (RESET_CODES.get(error.code) ?? ErrorCode.internalError),
    )
  }

  #maySend(): boolean {
    return this.state === StreamState.open || this.state === StreamState.halfClosedRemote
  }

  protected deliverBody(chunk: Buffer): void {
    this.#sink?.onBody(chunk)
  }

  protected deliverEnd(trailers: Fields): void {
    this.#sink?.onEnd(trailers)
  }

  protected deliverDrain(): void {
    this.#sink?.onDrain()
  }

  protected deliverError(error: MeshError): void {
    this.#sink?.onAbort(error)
  }
}

/** What the peer may conclude: REFUSED_STREAM allows another try of anything (RFC 9113 §8.7), so only what is `unsent` says it. */
const RESET_CODES: ReadonlyMap<MeshError['code'], ErrorCode> = new Map([
  ['refused', ErrorCode.refusedStream],
  ['connect-failure', ErrorCode.refusedStream],
  ['cancelled', ErrorCode.cancel],
  ['timeout', ErrorCode.cancel],
  ['bad-request', ErrorCode.protocolError],
])
