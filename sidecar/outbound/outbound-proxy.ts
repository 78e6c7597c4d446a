import { PlainListeners } from '../connection/plain-listeners.ts'
import type { RequestHead } from '../http/head.ts'
import type { DownstreamStream } from '../http/streams.ts'
import { Exchange, type ExchangeDeps } from '../pipeline/exchange.ts'
import type { OutboundLane } from './outbound-lane.ts'

/** Where a listener's requests go: one service, or by Host. */
export interface ListenerTarget {
  /** `namespace/name`; undefined: the Host field says it. */
  readonly service: string | undefined
  readonly port: number | undefined
}

/** What the application's listeners need. */
export interface OutboundDeps extends ExchangeDeps {
  readonly lane: OutboundLane
}

/** The listeners that the application calls: plain HTTP/1.1 on loopback. */
export class OutboundProxy extends PlainListeners<ListenerTarget> {
  readonly #deps: OutboundDeps

  constructor(deps: OutboundDeps) {
    super(deps.wheel)
    this.#deps = deps
  }

  onRequest(head: RequestHead, end: boolean, stream: DownstreamStream, target: ListenerTarget): void {
    const exchange = new Exchange(this.#deps.lane, this.#deps, head, end, stream)
    stream.attach(exchange)
    this.#deps.lane.address(exchange, target.service, target.port)
    exchange.begin()
  }
}
