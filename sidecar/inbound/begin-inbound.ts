import { Exchange } from '../pipeline/exchange.ts'
import type { ExchangeStart } from '../pipeline/lane.ts'
import type { ExchangeDeps } from '../pipeline/lane-deps.ts'
import { GrpcWebStream, toGrpcHead } from './grpc-web-stream.ts'
import type { Caller, InboundLane } from './inbound-lane.ts'

/** Begins the exchange of a request for our application; one in gRPC-Web is translated where its port speaks gRPC. */
export function beginInbound(
  deps: ExchangeDeps & { readonly lane: InboundLane },
  { head, end, stream }: ExchangeStart,
  caller: Caller,
): void {
  const { lane } = deps
  const form = lane.webFormOf(head, caller)
  const asked = form === undefined ? head : toGrpcHead(head, form)
  const carried = form === undefined ? stream : new GrpcWebStream(stream, form)
  const exchange = new Exchange(lane, deps, asked, end, carried)
  carried.attach(exchange)
  lane.identify(exchange, caller)
  exchange.begin()
}
