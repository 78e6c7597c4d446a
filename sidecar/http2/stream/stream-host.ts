import type { Fields, RequestHead, ResponseHead } from '../../http/head.ts'
import type { ErrorCode } from '../frame/frame-type.ts'
import type { HeldMemory } from './held-memory.ts'
import type { WindowGrowth } from './window-growth.ts'

/** A stream, as far as this file needs to know. */
interface HostedStream {
  readonly id: number
}

/** What a stream may ask of its connection. */
export interface StreamHost {
  /** What is held for all streams; each counts its own in. */
  readonly memory: HeldMemory
  readonly windowGrowth: WindowGrowth
  readonly streamWindowBytes: number
  /** Sends one frame of what windows allow of `chunk` from `at`; answers how many bytes that was. `isLast`: the stream ends with the chunk. */
  sendData(stream: HostedStream, chunk: Buffer, at: number, isLast: boolean): number
  /** How often what waits was taken: within one of them, small pieces of a body wait for each other. */
  readonly flushCount: number
  /** The peer reads nothing, and much waits for it. */
  readonly isDeaf: boolean
  /** A stream wants to hear when the peer reads again: all of them do. */
  awaitReading(): void
  /** Body bytes may be sent at once: nobody waits before them. */
  readonly canSendData: boolean
  /** Something waits in `stream.queue`. */
  addPending(stream: HostedStream): void
  /** Whether what now waits in the stream may; else the stream is given up, and knows it. */
  takesUnsent(stream: HostedStream): boolean
  sendResponseHead(stream: HostedStream, head: ResponseHead, isEnd: boolean): void
  sendInterim(stream: HostedStream, status: number, fields: Fields): void
  sendRequestHead(stream: HostedStream, head: RequestHead, isEnd: boolean, extra: Fields): void
  /** The end of the stream, with trailers or none. */
  sendEnd(stream: HostedStream, trailers: Fields): void
  /** RST_STREAM; frames of the peer for this stream that are under way are then ignored. */
  resetStream(streamId: number, code: ErrorCode): void
  /** Whether a cancelled stream may be reset now. The peer counts resets, and ends a connection that has too many. */
  takesCancel(): boolean
  /** Resets the stream as soon as that may be; until then it counts as open, at both sides. */
  resetLater(stream: HostedStream): void
  /** Body bytes left our hands: the peer may send as many more on the connection. */
  creditConnection(bytes: number): void
  /** … and on the stream. */
  sendWindowUpdate(streamId: number, bytes: number): void
  /**
   * Body bytes are held for a paused sink. Answers how many of them the connection's window got back at once, so that who
   * reads slowly stops nobody else; `releaseHeld` says later that those left our hands.
   */
  creditHeld(bytes: number): number
  releaseHeld(bytes: number): void
  /** The stream is closed: forget it. */
  onStreamClosed(stream: HostedStream): void
}
