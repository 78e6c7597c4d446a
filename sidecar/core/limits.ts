/**
 * Whatever a stranger can make grow has a limit, and it stands here with its unit and its reason.
 * `docs/limits.md` is compared with this table by a test.
 */
export const LIMITS = {
  /** Head of a message: sum of name + value + 32 per field (RFC 9113 §6.5.2); caps HTTP/1 heads in octets too. */
  headerListBytes: 64 * 1024,
  /** Fields in one head, cookie crumbs included: HTTP/2 bomb, CVE-2026-47774. */
  headerCount: 128,
  /**
   * The same two on a mesh link: more, so that what a caller may send still fits with what the mesh adds. A block over the
   * limit ends the link, and with it the requests of everybody on it.
   */
  linkHeaderListBytes: 80 * 1024,
  linkHeaderCount: 160,
  /**
   * Heads of all requests in flight on one HTTP/2 connection, of a stranger and of a link; past it requests are refused. A few
   * octets of HPACK can say 64 KiB, which are then carried on as they are: CVE-2026-47774.
   */
  requestHeadBytes: 1024 * 1024,
  linkRequestHeadBytes: 4 * 1024 * 1024,
  /** Request line of HTTP/1 in octets; longer is 414. */
  requestLineBytes: 16 * 1024,
  /** Host and port of a request: a name has at most 253 characters (RFC 1035 §2.3.4), a dot behind it, a port of six with its colon; longer is 400. */
  authorityBytes: 261,
  /** Characters of a path or method that logs, spans and remembered decisions keep; the rest is cut off. */
  keptTextCount: 1_024,
  /** From the first octet of a head to its end: slowloris. */
  headTimeoutMs: 10_000,
  /**
   * Announced body of an HTTP/1 request that is waited for before the request begins, within the time of its head: a
   * thousand callers that never send theirs (slowhttptest -B) hold a connection each, and nothing behind it.
   */
  wholeBodyBytes: 8 * 1024,
  /** Idle HTTP/1 connection from an application. */
  idleConnectionMs: 60_000,
  /** Idle HTTP/1 connection to an application: shorter than what servers close at (Node 5 s). */
  idleUpstreamMs: 4_000,
  /** Chunk extensions of one body: they are discarded, but cost parsing. */
  chunkExtensionBytes: 4 * 1024,
  /** Interim (1xx) responses before the final one. */
  interimResponseCount: 8,
  /** CONTINUATION frames of one header block: CVE-2024-27316. */
  continuationFrameCount: 8,
  /** Streams that a peer may have open at once on a mesh link, whose peer is authenticated. */
  linkStreamCount: 1_000,
  /**
   * Flow-control window of one stream on a mesh link: what it begins with, the most that one that nobody reads can make us
   * hold; and what it grows to while its bytes are taken.
   */
  linkStreamWindowBytes: 64 * 1024,
  linkStreamWindowMostBytes: 1024 * 1024,
  /** Flow-control window of a mesh link; half of it is for streams that grow. */
  linkConnectionWindowBytes: 8 * 1024 * 1024,
  /**
   * Of the requests that our application reads slowly, the window of a link gets back this much at once. Of answers that
   * callers read slowly it gets back everything: each of them holds what its own window lets through, and stops nobody else.
   */
  linkHeldBytes: 4 * 1024 * 1024,
  /** HPACK table that our decoder offers, and that our encoder uses at most: Netty CVE-2026-93492. */
  headerTableBytes: 4_096,
  /** Resets by one peer: bucket size and refill. CVE-2023-44487, rapid reset. */
  resetBurstCount: 200,
  resetsPerSecond: 33,
  /** Of these, resets of requests that are no older than this and have no answer: nobody gives up that soon, that often. */
  earlyResetMs: 1_000,
  earlyResetBurstCount: 50,
  earlyResetsPerSecond: 5,
  /** Stream errors that a peer provoked from us: CVE-2025-8671, MadeYouReset. The last: in the life of a connection. */
  provokedResetBurstCount: 50,
  provokedResetsPerSecond: 5,
  provokedResetLifeCount: 500,
  /** PING and SETTINGS frames of one peer: CVE-2019-9512, CVE-2019-9515. */
  pingsPerSecond: 100,
  settingsPerSecond: 20,
  settingsPerFrameCount: 32,
  /** DATA, HEADERS or CONTINUATION frames with nothing in them, in a row: CVE-2019-9518. */
  emptyFrameCount: 10,
  /**
   * Pieces of input (frames, chunks) that one connection is served in one turn of the event loop, and requests that may begin
   * in it: the others come next, whatever one sends. A link brings the requests of many callers.
   */
  piecesPerTurnCount: 512,
  requestsPerTurnCount: 32,
  linkRequestsPerTurnCount: 128,
  /** Requests that one connection may give up in one turn: each can cost a connection to the application. */
  cancelsPerTurnCount: 32,
  /** Control frames that wait for a peer that does not read. */
  queuedControlFrameCount: 1_000,
  /** Bytes that one stream or connection may hold unsent before its source is paused; reading resumes at half. */
  unsentHighWaterBytes: 256 * 1024,
  /**
   * Bytes that all streams of one HTTP/2 connection may hold unsent, before each of them may hold no more than
   * `tightUnsentBytes`: CVE-2019-9517, CVE-2026-47774. At six times as many, an answer that would add to it is given up, and a
   * request refused.
   */
  connectionUnsentBytes: 2 * 1024 * 1024,
  tightUnsentBytes: 4 * 1024,
  /** Request body kept for another try; a longer one commits the exchange to its first try. */
  replayBufferBytes: 64 * 1024,
  /** Replay buffers of all exchanges together. */
  replayBufferTotalBytes: 32 * 1024 * 1024,
  /**
   * A stream of a link whose caller takes less than this of what waits for it within the time, or sends nothing of a body
   * that has no answer yet, is given up: a slow reader must not hold our application for ever. Tunnels are not bound so.
   */
  streamStallMs: 300_000,
  streamStallBytes: 16 * 1024,
  /** The same, while its connection holds more than `connectionUnsentBytes`: a drip of window must not pin memory. */
  tightStallMs: 30_000,
  /** Connections that one listener accepts at once. */
  listenerConnectionCount: 32_768,
  /**
   * Connections of HTTP/1.1 that are being made to one application. Who asks for a thousand answers at once would else have a
   * thousand made in one turn, at everybody's cost, where most requests could go on the first ones that come back.
   */
  dialsPerApplicationCount: 32,
  /** Exchanges that wait for a mesh link to one endpoint to be established. */
  pendingPerEndpointCount: 1_024,
  /** From the announcement that a connection drains to the last request that is taken of it, where its peer does not answer. */
  drainRoundTripMs: 2_000,
  /** Unanswered PING: the peer is gone. */
  linkPingIntervalMs: 10_000,
  linkPingTimeoutMs: 10_000,
  /** One line of the control plane's stream. */
  watchLineBytes: 4 * 1024 * 1024,
  /** One manifest, and one document of the REST API. */
  manifestBytes: 512 * 1024,
  /** Spans that wait for export; more are dropped and counted. */
  spanQueueCount: 2_048,
  /** Series of one metric; more share a series labelled `other`. */
  metricSeriesCount: 1_000,
  /** Lines of the access log in one second; more are dropped and counted. */
  accessLogLinesPerSecond: 1_000,
  /** Access log that waits for a slow reader; what comes on top is dropped and counted. */
  accessLogBufferBytes: 1024 * 1024,
  /** Log lines with the same message in one second; more are counted and told of in the next. */
  logLinesPerSecond: 20,
  /** Body of a request to the admin port. */
  adminBodyBytes: 16 * 1024,
  /** Traces that the OTLP receiver keeps; the oldest goes. */
  receivedTraceCount: 1_000,
  /** Spans of one trace that the OTLP receiver keeps. */
  receivedSpansPerTraceCount: 1_000,
  /** One export request to the OTLP receiver, unpacked. */
  receivedExportBytes: 4 * 1024 * 1024,
  /** Services that are subscribed to because a request named them. */
  discoveredServiceCount: 1_000,
  /** Sidecars that a request may pass before it is a loop. */
  hopCount: 32,
} as const

/** The name of a limit. */
export type LimitName = keyof typeof LIMITS
