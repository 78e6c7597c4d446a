import type { Socket } from 'node:net'
import { type PlainConnection, type PlainListenerDeps, PlainListeners } from '../capture/plain-listeners.ts'
import { hostOf } from '../http/authority.ts'
import type { RequestHead } from '../http/head.ts'
import type { DownstreamStream } from '../http/streams.ts'
import { Exchange } from '../pipeline/exchange.ts'
import type { ExchangeDeps } from '../pipeline/lane-deps.ts'
import { connectHead, TcpDownstream } from '../tunnel/tcp-downstream.ts'
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

/** The listeners that the application calls: plain HTTP/1.1 on loopback, and TCP where a service's port says so. */
export class OutboundProxy extends PlainListeners<ListenerTarget> {
  readonly #deps: OutboundDeps

  constructor(deps: OutboundDeps) {
    super(deps)
    this.#deps = deps
  }

  /** A port that speaks TCP is carried as it is, from the first moment: the callee may be the first to speak. */
  protected override accept(socket: Socket, target: ListenerTarget, onClosed: () => void): PlainConnection {
    const { service } = target
    const port = service === undefined ? undefined : this.#deps.lane.findPort(service, target.port)
    if (service === undefined || port?.protocol !== 'tcp') return super.accept(socket, target, onClosed)
    const stream = new TcpDownstream(socket, onClosed)
    const [namespace, name] = service.split('/')
    this.onRequest(connectHead(`${name}.${namespace}:${port.port}`), false, stream, target)
    return stream
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
