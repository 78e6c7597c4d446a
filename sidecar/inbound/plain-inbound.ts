import { type CapturedPort, type PlainListenerDeps, PlainListeners } from '../capture/plain-listeners.ts'
import type { RequestHead } from '../http/head.ts'
import type { DownstreamStream, WireRefusal } from '../http/streams.ts'
import type { ExchangeDeps } from '../pipeline/lane-deps.ts'
import { beginInbound } from './begin-inbound.ts'
import type { InboundLane } from './inbound-lane.ts'

/** What the listeners for callers without a sidecar need. */
export interface PlainInboundDeps extends ExchangeDeps, PlainListenerDeps {
  readonly lane: InboundLane
}

/** Where callers without a sidecar reach one port of our application. What they send is decided like all else; STRICT refuses it. */
export class PlainInbound extends PlainListeners<number> {
  readonly #deps: PlainInboundDeps

  constructor(deps: PlainInboundDeps) {
    super(deps)
    this.#deps = deps
  }

  /** A port that nobody told us of yet is refused in HTTP, in which an answer can say so. */
  protected portOf(appPort: number): CapturedPort {
    return { protocol: this.#deps.lane.protocolOf(appPort) ?? 'http', authority: `localhost:${appPort}` }
  }

  onRequest(head: RequestHead, end: boolean, stream: DownstreamStream, appPort: number): void {
    const address = stream.peerAddress.slice(0, stream.peerAddress.lastIndexOf(':'))
    beginInbound(this.#deps, { head, end, stream }, { identity: undefined, address, appPort })
  }

  onRefused(refusal: WireRefusal): void {
    this.#deps.lane.onRefused(refusal, undefined)
  }
}
