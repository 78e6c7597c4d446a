/*
 * The codec's share of a request on the mesh link: two Http2Connections joined in memory, 128 streams in flight, a request
 * of ten fields with a trace id that never repeats, a response of 64 octets. Prints microseconds per exchange for both
 * ends together; the sinks do nothing. Run: node bench/micro/http2-link.ts [exchanges]
 */
import { systemClock } from '../../sidecar/core/clock.ts'
import type { MeshError } from '../../sidecar/core/mesh-errors.ts'
import { type Fields, NO_FIELDS, type RequestHead, type ResponseHead } from '../../sidecar/http/head.ts'
import type { RequestSink, ResponseSink } from '../../sidecar/http/streams.ts'
import { Http2Connection } from '../../sidecar/http2/connection.ts'
import type { Http2Owner } from '../../sidecar/http2/http2-owner.ts'
import { LINK_SETTINGS } from '../../sidecar/http2/http2-settings.ts'
import { http2Counters } from '../../sidecar/http2/stream/http2-counters.ts'
import type { ServerStream } from '../../sidecar/http2/stream/server-stream.ts'

const EXCHANGES = Number(process.argv[2] ?? 300_000)
const STREAMS = 128
const BODY = Buffer.alloc(64, 'x')

const REQUEST: RequestHead = {
  method: 'GET',
  scheme: 'http',
  authority: 'orders.shop:8080',
  path: '/orders/17?expand=items',
  fields: [
    ['accept', 'application/json'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['accept-language', 'en-GB,en;q=0.9'],
    ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36'],
    ['cache-control', 'no-cache'],
    ['x-forwarded-for', '10.0.0.7'],
    ['x-forwarded-proto', 'http'],
    ['x-tenant', 'blue'],
    ['referer', 'http://shop.example/cart'],
  ].flat(),
  bodyLength: 0,
  upgrade: undefined,
  expectsContinue: false,
}
const RESPONSE: ResponseHead = {
  status: 200,
  fields: [
    'content-type',
    'application/json',
    'content-length',
    '64',
    'server',
    'orders/1.4',
    'cache-control',
    'no-store',
  ],
  bodyLength: 64,
}

class Owner implements Http2Owner {
  isWaiting = false
  onOutput(): void {
    this.isWaiting = true
  }
  onRefused(): void {}
  onRequest(_head: RequestHead, _end: boolean, stream: ServerStream): void {
    stream.attach(REQUEST_SINK)
    stream.sendHead(RESPONSE, false)
    stream.sendBody(BODY)
    stream.sendEnd(NO_FIELDS)
  }
  onCapacity(): void {}
  onGoAway(): void {}
  onPong(): void {}
  onDrained(): void {}
  onClosed(error: MeshError): void {
    throw new Error(error.detail)
  }
}

const REQUEST_SINK: RequestSink = { onBody() {}, onEnd() {}, onAbort() {}, onDrain() {} }

let done = 0
let begun = 0
class Sink implements ResponseSink {
  onInterim(): void {}
  onResponseHead(): void {}
  onResponseBody(): void {}
  onResponseEnd(): void {
    done++
    begin()
  }
  onResponseError(error: MeshError): void {
    throw new Error(error.detail)
  }
  onRequestDrain(): void {}
}

const clientOwner = new Owner()
const serverOwner = new Owner()
const common = { settings: LINK_SETTINGS, clock: systemClock, counters: http2Counters(), peerAddress: '' }
const client = new Http2Connection({ ...common, role: 'client', owner: clientOwner })
const server = new Http2Connection({ ...common, role: 'server', owner: serverOwner })

const extra = (i: number): Fields => [
  'traceparent',
  `00-4bf92f3577b34da6a3ce929d${String(i).padStart(8, '0')}-00f067aa0ba902b7-01`,
]
const fresh: Fields[] = Array.from({ length: 1024 }, (_, i) => extra(i))

function begin(): void {
  if (begun >= target) return
  client.openStream(REQUEST, true, new Sink(), fresh[begun++ & 1023])
}

let bytes = 0
function turn(): void {
  const requests = client.takeOutput()
  bytes += requests.length
  server.receive(requests)
  const responses = server.takeOutput()
  bytes += responses.length
  client.receive(responses)
}

let target = 0
function run(count: number): number {
  target = begun + count
  bytes = 0
  turn()
  const from = performance.now()
  for (let i = 0; i < STREAMS; i++) begin()
  while (done < target) turn()
  return ((performance.now() - from) * 1_000) / count
}

run(50_000)
for (let i = 0; i < 3; i++) {
  const microseconds = run(EXCHANGES)
  console.log(`${microseconds.toFixed(2)} µs per exchange, ${Math.round(bytes / EXCHANGES)} octets`)
}
