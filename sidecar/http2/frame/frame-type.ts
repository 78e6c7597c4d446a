// biome-ignore format: a table keeps its columns
/** RFC 9113 §6. */
export const FrameType = {
  data: 0, headers: 1, priority: 2, resetStream: 3, settings: 4, pushPromise: 5, ping: 6, goAway: 7, windowUpdate: 8, continuation: 9,
} as const
export type FrameType = (typeof FrameType)[keyof typeof FrameType]

/** Flags of all frame types; `ack` and `endStream` share a bit. */
export const Flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

// biome-ignore format: a table keeps its columns
/** RFC 9113 §7. */
export const ErrorCode = {
  noError: 0, protocolError: 1, internalError: 2, flowControlError: 3, settingsTimeout: 4, streamClosed: 5, frameSizeError: 6,
  refusedStream: 7, cancel: 8, compressionError: 9, connectError: 10, enhanceYourCalm: 11, inadequateSecurity: 12, http11Required: 13,
} as const
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode]

// biome-ignore format: a table keeps its columns
/** RFC 9113 §6.5.2; RFC 8441 §3. */
export const SettingId = {
  headerTableSize: 1, enablePush: 2, maxConcurrentStreams: 3, initialWindowSize: 4, maxFrameSize: 5, maxHeaderListSize: 6, enableConnectProtocol: 8,
} as const

/** Octets of a frame's header (RFC 9113 §4.1). */
export const FRAME_HEADER_BYTES = 9

/** What a client sends before its first frame (RFC 9113 §3.4). */
export const CLIENT_PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** Windows before any SETTINGS or WINDOW_UPDATE (RFC 9113 §6.9.2). */
export const INITIAL_WINDOW_BYTES = 65_535

/** The largest window and stream id (RFC 9113 §5.1.1, §6.9.1). */
export const MAX_31_BITS = 2 ** 31 - 1
