import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Http1ServerConnection } from '../../../sidecar/connection/http1-server-connection.ts'
import type { MeshError } from '../../../sidecar/core/mesh-errors.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { type Fields, NO_FIELDS, type RequestHead } from '../../../sidecar/http/head.ts'
import type { DownstreamStream, RequestSink } from '../../../sidecar/http/streams.ts'
import { type Http1Counters, http1Counters } from '../../../sidecar/http1/http1-counters.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** One request as the handler saw it. */
export class Seen implements RequestSink {
  readonly head: RequestHead
  readonly stream: DownstreamStream
  readonly end: boolean
  body = ''
  bodyBytes = 0
  trailers: Fields | undefined
  abortedBy: MeshError | undefined
  drainCount = 0
  onEnded: () => void = () => {}
  onPiece: (chunk: Buffer) => void = () => {}
  onDrained: () => void = () => {}
  constructor(head: RequestHead, end: boolean, stream: DownstreamStream) {
    this.head = head
    this.end = end
    this.stream = stream
  }
  onBody(chunk: Buffer): void {
    this.bodyBytes += chunk.length
    if (this.bodyBytes < 100_000) this.body += chunk.toString('latin1')
    this.onPiece(chunk)
  }
  onEnd(trailers: Fields): void {
    this.trailers = trailers
    this.onEnded()
  }
  onAbort(error: MeshError): void {
    this.abortedBy = error
    this.onEnded()
  }
  onDrain(): void {
    this.drainCount++
    this.onDrained()
  }
  answer(text: string, status = 200): void {
    const body = Buffer.from(text)
    this.stream.sendHead({ status, fields: ['x-path', this.head.path], bodyLength: body.length }, body.length === 0)
    if (body.length === 0) return
    this.stream.sendBody(body)
    this.stream.sendEnd(NO_FIELDS)
  }
}

/** What listens, and what became of it. */
export interface Bench extends AsyncDisposable {
  readonly port: number
  readonly seen: Seen[]
  readonly connections: Http1ServerConnection<string>[]
  readonly refused: MeshError[]
  readonly wheel: TimerWheel
  readonly counters: Http1Counters
  readonly sockets: Socket[]
}

/** Connections of callers, each request given to `onRequest`. The clock stands still until a test turns it. */
export async function serve(onRequest: (seen: Seen) => void, clock = new TurnedClock(1_000)): Promise<Bench> {
  const wheel = new TimerWheel(clock)
  const counters = http1Counters()
  const bench = { seen: [] as Seen[], connections: [] as Http1ServerConnection<string>[], refused: [] as MeshError[] }
  const sockets: Socket[] = []
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.push(socket)
    bench.connections.push(
      new Http1ServerConnection(socket, {
        peer: 'peer',
        wheel,
        counters,
        handler: {
          onRefused: ({ error }) => void bench.refused.push(error),
          onRequest(head, end, stream, peer) {
            assert.equal(peer, 'peer')
            const seen = new Seen(head, end, stream)
            bench.seen.push(seen)
            stream.attach(seen)
            onRequest(seen)
          },
        },
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    ...bench,
    wheel,
    counters,
    sockets,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const connection of bench.connections) connection.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Sends `input` and gives all that comes until the end. */
export async function talk(port: number, input: string | Buffer, end = false): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.setEncoding('latin1')
  let answer = ''
  socket.on('data', (text: string) => {
    answer += text
  })
  socket.on('error', () => {})
  socket.write(input)
  if (end) socket.end()
  await once(socket, 'close')
  return answer
}

/** A request without a body. `more`: header lines. */
export const GET = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${more}\r\n`

/** Resolves when it is so; looks every few milliseconds. */
export async function eventually(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5))
}
