import { LIMITS } from '../core/limits.ts'
import { INITIAL_WINDOW_BYTES, SettingId } from './frame/frame-type.ts'

/** What we allow the peer of a connection. One table for each degree of trust. */
export interface Http2Settings {
  /** Streams that the peer may have open at once. */
  readonly streamCount: number
  /** Receive window of each stream at its start, and at most. */
  readonly streamWindowBytes: number
  readonly streamWindowMostBytes: number
  /** Receive window of the connection; at least 65,535. */
  readonly connectionWindowBytes: number
  /** Bytes held for slow readers that the connection's window gets back at once: of requests, if the peer is a client … */
  readonly heldRequestBytes: number
  /** … and of answers, if it is a server. */
  readonly heldAnswerBytes: number
  /** Longest frame we take: 16,384 to 2^24 − 1. */
  readonly frameBytes: number
  /** Table of our HPACK decoder, and the most that our encoder uses. */
  readonly headerTableBytes: number
  readonly headerListBytes: number
  readonly headerCount: number
  /** Heads of all requests in flight. */
  readonly requestHeadBytes: number
  readonly continuationFrameCount: number
  /** Bytes that one stream holds unsent before its source is told to stop. */
  readonly unsentHighWaterBytes: number
  /** RST_STREAM that the peer may send: bucket and refill. */
  readonly resetBurstCount: number
  readonly resetsPerSecond: number
  /** … for requests that have just begun. */
  readonly earlyResetBurstCount: number
  readonly earlyResetsPerSecond: number
  /** Stream errors that the peer may provoke: bucket and refill. */
  readonly provokedResetBurstCount: number
  readonly provokedResetsPerSecond: number
  readonly provokedResetLifeCount: number
  readonly pingsPerSecond: number
  readonly settingsPerSecond: number
  readonly settingsPerFrameCount: number
  readonly emptyFrameCount: number
  readonly queuedControlFrameCount: number
  readonly interimResponseCount: number
  /** Requests that may begin in one turn of the event loop. */
  readonly requestsPerTurnCount: number
}

/**
 * The mesh link: its peer is authenticated. A caller behind it that gives up cancels all its streams, so resets are
 * allowed by the number of streams, not by what a stranger may send.
 */
export const LINK_SETTINGS: Http2Settings = {
  streamCount: LIMITS.linkStreamCount,
  streamWindowBytes: LIMITS.linkStreamWindowBytes,
  streamWindowMostBytes: LIMITS.linkStreamWindowMostBytes,
  connectionWindowBytes: LIMITS.linkConnectionWindowBytes,
  heldRequestBytes: LIMITS.linkHeldBytes,
  heldAnswerBytes: LIMITS.linkStreamCount * LIMITS.linkStreamWindowBytes,
  frameBytes: 16_384,
  headerTableBytes: LIMITS.headerTableBytes,
  headerListBytes: LIMITS.linkHeaderListBytes,
  headerCount: LIMITS.linkHeaderCount,
  requestHeadBytes: LIMITS.linkRequestHeadBytes,
  continuationFrameCount: LIMITS.continuationFrameCount,
  unsentHighWaterBytes: LIMITS.unsentHighWaterBytes,
  resetBurstCount: 2 * LIMITS.linkStreamCount,
  resetsPerSecond: LIMITS.linkStreamCount,
  earlyResetBurstCount: 2 * LIMITS.linkStreamCount,
  earlyResetsPerSecond: LIMITS.linkStreamCount,
  provokedResetBurstCount: LIMITS.provokedResetBurstCount,
  provokedResetsPerSecond: LIMITS.provokedResetsPerSecond,
  provokedResetLifeCount: LIMITS.provokedResetLifeCount,
  pingsPerSecond: LIMITS.pingsPerSecond,
  settingsPerSecond: LIMITS.settingsPerSecond,
  settingsPerFrameCount: LIMITS.settingsPerFrameCount,
  emptyFrameCount: LIMITS.emptyFrameCount,
  queuedControlFrameCount: LIMITS.queuedControlFrameCount,
  interimResponseCount: LIMITS.interimResponseCount,
  requestsPerTurnCount: LIMITS.linkRequestsPerTurnCount,
}

/** Applications and strangers: fewer streams, small windows, rapid reset held short (CVE-2023-44487). */
export const STRANGER_SETTINGS: Http2Settings = {
  ...LINK_SETTINGS,
  streamCount: 128,
  headerListBytes: LIMITS.headerListBytes,
  headerCount: LIMITS.headerCount,
  requestHeadBytes: LIMITS.requestHeadBytes,
  streamWindowMostBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  heldRequestBytes: 1024 * 1024,
  resetBurstCount: LIMITS.resetBurstCount,
  resetsPerSecond: LIMITS.resetsPerSecond,
  earlyResetBurstCount: LIMITS.earlyResetBurstCount,
  earlyResetsPerSecond: LIMITS.earlyResetsPerSecond,
  requestsPerTurnCount: LIMITS.requestsPerTurnCount,
}

/** The SETTINGS frame that says so: identifier, value, …; a server offers Extended CONNECT (RFC 8441), a client refuses push. */
export function settingsFrame(settings: Http2Settings, role: 'client' | 'server'): readonly number[] {
  return [
    ...(role === 'client' ? [SettingId.enablePush, 0] : [SettingId.enableConnectProtocol, 1]),
    SettingId.headerTableSize,
    settings.headerTableBytes,
    SettingId.maxConcurrentStreams,
    role === 'client' ? 0 : settings.streamCount,
    SettingId.initialWindowSize,
    settings.streamWindowBytes,
    SettingId.maxFrameSize,
    settings.frameBytes,
    SettingId.maxHeaderListSize,
    settings.headerListBytes,
  ]
}

/** What the peer allows us, from its SETTINGS. Starts with the values of RFC 9113 §6.5.2. */
export class PeerSettings {
  /** The peer has spoken. */
  areKnown = false
  /** Streams that we may have open: few until the peer has spoken, so that none is refused for eagerness. */
  streamCount = 100
  streamWindowBytes = INITIAL_WINDOW_BYTES
  frameBytes = 16_384
  takesExtendedConnect = false
}
