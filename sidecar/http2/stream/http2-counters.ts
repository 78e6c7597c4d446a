import { ErrorCode } from '../frame/frame-type.ts'

/** How often each defence ended a connection or refused a message. One object may be shared by many connections. */
export interface Http2Counters {
  /** CVE-2023-44487: RST_STREAM received. */
  rapidReset: number
  /** CVE-2023-44487: RST_STREAM for requests that had just begun and had no answer. */
  earlyReset: number
  /** CVE-2025-8671: stream errors provoked. */
  provokedReset: number
  /** CVE-2019-9512; also GOAWAY and acknowledgements without end. */
  pingFlood: number
  /** CVE-2019-9515. */
  settingsFlood: number
  /** CVE-2019-9518. */
  emptyFrameFlood: number
  /** CVE-2024-27316. */
  continuationFlood: number
  /** A header block whose end did not come. */
  headerBlockTimeout: number
  /** A frame whose end did not come, or the first one of a connection. */
  slowFrame: number
  /** Connections ended because the peer read nothing of what was sent. */
  unread: number
  /** CVE-2019-9513; also frames of unknown types. */
  priorityFlood: number
  windowUpdateFlood: number
  /** Control frames that the peer does not read: CVE-2019-9512, CVE-2019-9514. */
  controlQueueFlood: number
  /** CVE-2026-47774: header lists over a limit; answered with 431, not an end. */
  headerListTooLarge: number
  /** CVE-2016-6581, CVE-2026-47774: header lists of many times a limit. */
  headerBomb: number
  /** Netty CVE-2026-93492: a peer offered our encoder a larger table than it uses. */
  headerTableClamped: number
  /** Malformed messages (RFC 9113 §8.1.1); stream errors. */
  malformedMessage: number
  /** Interim responses without end. */
  interimFlood: number
  /** Streams refused over the limit of streams, or because the peer does not read. */
  refusedStream: number
  /** Streams given up, because their connection had too much waiting: CVE-2019-9511, CVE-2019-9517. */
  unsentOverflow: number
  /** Streams given up, because their peer neither read nor sent: CVE-2026-47774. */
  stalledStream: number
  /** PRIORITY frames and those of unknown types: ignored. */
  priorityFrames: number
  /** Reads that were put off: the connection had had its share of the turn. */
  heldBack: number
  /** Connections ended for breaking the protocol, by the code of RFC 9113 §7. */
  protocolFault: number
  flowControlFault: number
  frameSizeFault: number
  compressionFault: number
  streamClosedFault: number
}

/** Fresh counters. */
export const http2Counters = (): Http2Counters => ({
  rapidReset: 0,
  earlyReset: 0,
  provokedReset: 0,
  pingFlood: 0,
  settingsFlood: 0,
  emptyFrameFlood: 0,
  continuationFlood: 0,
  headerBlockTimeout: 0,
  slowFrame: 0,
  unread: 0,
  priorityFlood: 0,
  windowUpdateFlood: 0,
  controlQueueFlood: 0,
  headerListTooLarge: 0,
  headerBomb: 0,
  headerTableClamped: 0,
  malformedMessage: 0,
  interimFlood: 0,
  refusedStream: 0,
  unsentOverflow: 0,
  stalledStream: 0,
  priorityFrames: 0,
  heldBack: 0,
  protocolFault: 0,
  flowControlFault: 0,
  frameSizeFault: 0,
  compressionFault: 0,
  streamClosedFault: 0,
})

/** How connections are counted that break the protocol; what is not here is an error of ours, or counted by its limit. */
export const FAULTS: ReadonlyMap<ErrorCode, keyof Http2Counters> = new Map([
  [ErrorCode.protocolError, 'protocolFault'],
  [ErrorCode.flowControlError, 'flowControlFault'],
  [ErrorCode.frameSizeError, 'frameSizeFault'],
  [ErrorCode.compressionError, 'compressionFault'],
  [ErrorCode.streamClosed, 'streamClosedFault'],
])
