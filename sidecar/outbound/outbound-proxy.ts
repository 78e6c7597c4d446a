import { type CapturedPort, type PlainListenerDeps, PlainListeners } from '../capture/plain-listeners.ts'
import { hostOf } from '../http/authority.ts'
import type { RequestHead } from '../http/head.ts'
import type { DownstreamStream, WireRefusal } from '../http/streams.ts'
import { Exchange } from '../pipeline/exchange.ts'
import type { ExchangeDeps } from '../pipeline/lane-deps.ts'
import type { OutboundLane } from './outbound-lane.ts'

/** Where a listener's requests go: one service, or by Host. */
export interface ListenerTarget {
  /** `namespace/name`; undefined: the Host field says it. */
  readonly service: string | undefined
  readonly port: number | undefined
}

/** What the application's listeners need. */
export interface OutboundDeps extends ExchangeDeps, PlainListenerDeps {
  readonly lane: OutboundLane
  /** Asks for services that requests name and that are not known yet. */
  readonly discovery: { ask(host: string): Promise<unknown> | undefined }
}

/** The listeners that the application calls: plain HTTP and TCP on loopback. */
export class OutboundProxy extends PlainListeners<ListenerTarget> {
  readonly #deps: OutboundDeps

  constructor(deps: OutboundDeps) {
    super(deps)
    this.#deps = deps
  }

  /** A service that is not known yet is answered in HTTP, in which an answer can say so. */
  protected portOf({ service, port }: ListenerTarget): CapturedPort | undefined {
    if (service === undefined) return undefined
    const found = this.#deps.lane.findPort(service, port)
    const [namespace, name] = service.split('/')
    const authority = `${name}.${namespace}:${found?.port ?? port ?? 0}`
    return { protocol: found?.protocol ?? 'http', authority }
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

  onRefused(refusal: WireRefusal, { service = '' }: ListenerTarget): void {
    this.#deps.lane.onRefused(refusal, service)
  }
}
