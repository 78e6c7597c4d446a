import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2, { type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import test from 'ava'
import { Http2ClientConnection } from '../../../sidecar/connection/http2-client-connection.ts'
import { Http2ServerConnection } from '../../../sidecar/connection/http2-server-connection.ts'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { type Fields, NO_FIELDS, type RequestHead, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import type { DownstreamStream } from '../../../sidecar/http/streams.ts'
import { LINK_SETTINGS } from '../../../sidecar/http2/http2-settings.ts'
import { SeenRequest, SeenResponse } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'

const clock = systemClock
const wheel = new TimerWheel(clock)

/** Our server on a port; `onSeen` answers. */
async function ourServer(onSeen: (seen: SeenRequest) => void, settings = LINK_SETTINGS) {
  const connections: Http2ServerConnection<string>[] = []
  const handler = {
    onRefused: () => undefined,
    onRequest(head: RequestHead, end: boolean, stream: DownstreamStream, peer: string): void {
      assert.equal(peer, 'someone')
      const seen = new SeenRequest(head, end, stream as ConstructorParameters<typeof SeenRequest>[2])
      stream.attach(seen)
      onSeen(seen)
    },
  }
  let closed = 0
  const server = createServer((socket) => {
    connections.push(
      new Http2ServerConnection(socket, {
        handler,
        peer: 'someone',
        settings,
        keepAlive: true,
        clock,
        wheel,
        onClosed: () => closed++,
      }),
    )
  })
  server.listen(0)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, connections, closed: () => closed, close: () => new Promise((resolve) => server.close(resolve)) }
}

/** Our client to a port. */
async function ourClient(port: number) {
  const socket: Socket = connect(port)
  await once(socket, 'connect')
  let gone = 0
  const connection = new Http2ClientConnection(socket, {
    settings: LINK_SETTINGS,
    keepAlive: true,
    clock,
    wheel,
    onCapacity() {},
    onGone: () => gone++,
  })
  return { connection, socket, gone: () => gone }
}

/** Until a sink's exchange is over. */
function ended(response: SeenResponse): Promise<void> {
  return new Promise((resolve) => {
    const { onResponseEnd, onResponseHead, onResponseError } = response
    response.onResponseEnd = (trailers) => resolve(onResponseEnd.call(response, trailers))
    response.onResponseError = (error) => resolve(onResponseError.call(response, error))
    response.onResponseHead = (head, end) => {
      onResponseHead.call(response, head, end)
      if (end) resolve()
    }
  })
}

/** Random heads: names and values that repeat, that do not, empty, long, with octets past ASCII. */
function randomFields(random: () => number): string[] {
  const pick = (list: readonly string[]): string => list[Math.floor(random() * list.length)] ?? ''
  const fields: string[] = []
  const names = ['x-a', 'x-b', 'accept', 'user-agent', 'x-request-id', 'authorization', 'etag', 'x-é'.replace('é', 'e')]
  for (const name of names) {
    if (random() < 0.4) continue
    const unique = Math.floor(random() * 1e9).toString(36)
    fields.push(
      name,
      pick(['', 'same', 'gzip, deflate', unique, unique.repeat(30), '~!@#$%^&*()_+{}|:"<>?', 'caf\xe9 \xff']),
    )
  }
  return fields
}

const pairsOf = (headers: IncomingHttpHeaders): string[] =>
  Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(':') || name === 'date' ? [] : [name, String(value)],
  )

test('node:http2 as client: two hundred heads, bodies both ways and trailers arrive as sent', async () => {
  const random = seededRandom(1)
  const server = await ourServer((seen) => {
    const answer = (): void => {
      seen.stream.sendHead({ status: 200, fields: seen.head.fields, bodyLength: UNKNOWN_LENGTH }, false)
      seen.stream.sendBody(Buffer.from(`${seen.head.method} ${seen.head.path} ${seen.body}`))
      seen.stream.sendEnd(['x-trailer', 'yes'])
    }
    if (seen.isEnded) return answer()
    seen.onEnd = (trailers: Fields) => {
      seen.isEnded = true
      seen.trailers = trailers
      answer()
    }
  })
  const session = http2.connect(`http://127.0.0.1:${server.port}`)
  const exchanges = Array.from({ length: 200 }, async (_, i) => {
    const fields = randomFields(random)
    const headers = Object.fromEntries(fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : [])))
    const request = session.request(
      { ':method': i % 2 ? 'POST' : 'GET', ':path': `/${i % 7}`, ...headers },
      { endStream: i % 2 === 0 },
    )
    if (i % 2) request.end(`body ${i}`)
    let body = ''
    let trailers: IncomingHttpHeaders = {}
    request.on('data', (chunk) => (body += chunk))
    request.on('trailers', (more) => (trailers = more))
    const [response] = (await once(request, 'response')) as [IncomingHttpHeaders]
    await once(request, 'end')
    assert.deepEqual(pairsOf(response), fields)
    assert.equal(body, i % 2 ? `POST /${i % 7} body ${i}` : `GET /${i % 7} `)
    assert.equal(trailers['x-trailer'], 'yes')
  })
  await Promise.all(exchanges)
  session.close()
  await once(session, 'close')
  await server.close()
  assert.equal(server.closed(), 1)
  assert.equal(server.connections[0]?.openStreamCount, 0)
})

test('node:http2 as server: two hundred heads, bodies both ways and trailers arrive as sent', async () => {
  const random = seededRandom(2)
  const server = http2.createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    let body = ''
    stream.on('data', (chunk) => (body += chunk))
    stream.on('end', () => {
      stream.respond(
        { ':status': 201, ...Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':'))) },
        { waitForTrailers: true },
      )
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-trailer': 'yes' }))
      stream.end(`${headers[':method']} ${headers[':path']} ${body}`)
    })
  })
  server.listen(0)
  await once(server, 'listening')
  const client = await ourClient((server.address() as AddressInfo).port)
  const exchanges = Array.from({ length: 200 }, async (_, i) => {
    const fields = randomFields(random)
    const response = new SeenResponse()
    const over = ended(response)
    const method = i % 2 ? 'POST' : 'GET'
    while (!client.connection.canOpenStream) await new Promise((resolve) => setImmediate(resolve))
    const stream = client.connection.request(
      requestHead({ method, path: `/${i % 7}`, fields, bodyLength: i % 2 ? UNKNOWN_LENGTH : 0 }),
      i % 2 === 0,
      response,
      NO_FIELDS,
    )
    if (i % 2) stream?.sendBody(Buffer.from(`body ${i}`))
    if (i % 2) stream?.sendEnd(NO_FIELDS)
    await over
    assert.deepEqual(response.errors, [])
    assert.equal(response.head?.status, 201)
    assert.deepEqual(
      response.head?.fields.filter((_, at, all) => all[at - (at % 2)] !== 'date'),
      fields,
    )
    assert.equal(response.body, i % 2 ? `POST /${i % 7} body ${i}` : `GET /${i % 7} `)
    assert.deepEqual(response.trailers, ['x-trailer', 'yes'])
  })
  await Promise.all(exchanges)
  assert.equal(client.connection.openStreamCount, 0)
  client.connection.retire()
  assert.equal(client.connection.state, 'draining')
  server.close()
  await once(client.socket, 'close')
  assert.deepEqual([client.connection.state, client.gone()], ['closed', 1])
})

const BULK_BYTES = 20 * 1024 * 1024

test('20 MB up and 20 MB down between node:http2 and our server, which echoes and pauses', async () => {
  const server = await ourServer((seen) => {
    const stream = seen.stream
    stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
    seen.onBody = (chunk) => {
      if (!stream.sendBody(chunk)) stream.pause()
    }
    seen.onDrain = () => stream.resume()
    seen.onEnd = (trailers) => stream.sendEnd(trailers)
  })
  const session = http2.connect(`http://127.0.0.1:${server.port}`)
  const request = session.request({ ':method': 'POST', ':path': '/' })
  const piece = Buffer.alloc(256 * 1024, 'x')
  let left = BULK_BYTES
  const feed = (): void => {
    while (left > 0) {
      left -= piece.length
      if (!request.write(piece)) return void request.once('drain', feed)
    }
    request.end()
  }
  feed()
  let bytes = 0
  request.on('data', (chunk: Buffer) => (bytes += chunk.length))
  await once(request, 'end')
  assert.equal(bytes, BULK_BYTES)
  session.close()
  await once(session, 'close')
  await server.close()
})

test('drain says GOAWAY, serves what is under way and closes', async () => {
  const waiting: SeenRequest[] = []
  const server = await ourServer((seen) => waiting.push(seen))
  const session = http2.connect(`http://127.0.0.1:${server.port}`)
  const request = session.request({ ':path': '/' })
  await once(session, 'remoteSettings')
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve))
  server.connections[0]?.drain()
  await once(session, 'goaway')
  waiting[0]?.stream.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
  const [headers] = (await once(request, 'response')) as [IncomingHttpHeaders]
  assert.equal(headers[':status'], 204)
  await once(session, 'close')
  await server.close()
  assert.equal(server.closed(), 1)
})

test('a socket that dies tells every stream once, at both ends', async () => {
  const seen: SeenRequest[] = []
  const server = await ourServer((one) => seen.push(one))
  const client = await ourClient(server.port)
  const responses = [new SeenResponse(), new SeenResponse()]
  const over = responses.map(ended)
  for (const response of responses) client.connection.request(requestHead(), true, response, NO_FIELDS)
  while (seen.length < 2) await new Promise((resolve) => setImmediate(resolve))
  client.socket.destroy()
  await Promise.all(over)
  await server.close()
  while (server.closed() === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(
    responses.map((response) => response.errors.map((error) => error.code)),
    [['reset'], ['reset']],
  )
  assert.deepEqual(
    seen.map((one) => one.errors.map((error) => error.code)),
    [['cancelled'], ['cancelled']],
  )
  assert.deepEqual([client.connection.state, client.gone(), client.connection.canOpenStream], ['closed', 1, false])
})

test('a peer that breaks the protocol reads GOAWAY with the reason before the end', async () => {
  const server = await ourServer(() => {})
  const socket = connect(server.port)
  socket.write('GET / HTTP/1.1\r\n\r\n')
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  assert(Buffer.concat(chunks).includes('no connection preface'))
  await server.close()
})
