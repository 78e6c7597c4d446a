import { PlainListeners } from '../connection/plain-listeners.ts'
import { hostOf } from '../http/authority.ts'
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
  /** Asks for services that requests name and that are not known yet. */
  readonly discovery: { ask(host: string): Promise<unknown> | undefined }
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
    const { lane, discovery } = this.#deps
    lane.address(exchange, target.service, target.port)
    const answer = target.service === undefined ? discovery.ask(hostOf(head.authority).toLowerCase()) : undefined
    if (answer === undefined) exchange.begin()
    else void answer.then(() => exchange.begin())
  }
}
