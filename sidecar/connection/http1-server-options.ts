import type { TimerWheel } from '../core/timer-wheel.ts'
import type { StreamHandler } from '../http/streams.ts'
import type { Http1Counters } from '../http1/http1-counters.ts'
import type { RequestHeadParser } from '../http1/request-head.ts'

/** What a server connection needs besides its socket. */
export interface Http1ServerOptions<Peer> {
  readonly handler: StreamHandler<Peer>
  readonly peer: Peer
  readonly wheel: TimerWheel
  /** Heads read with others of the same kind cost less: give one to all connections of a listener. */
  readonly parser?: RequestHeadParser
  /** Where defences are counted; shared by connections. */
  readonly counters?: Http1Counters
  /** The connection is closed. */
  readonly onClosed?: () => void
}
