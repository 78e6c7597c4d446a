import assert from 'node:assert/strict'
import { once } from 'node:events'
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { LeapingClock } from '../../support/leaping-clock.ts'
import { startTestMesh } from '../../support/mesh.ts'

/** An application that speaks HTTP/2 without TLS, on any socket. */
function h2cApplication(
  answer: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void,
): (socket: Socket) => void {
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => undefined)
    answer(stream, headers)
  })
  return (socket) => void server.emit('connection', socket)
}

const DECLARED = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80, appProtocol: http2}]}
`

async function request(session: ClientHttp2Session, headers: Record<string, string>, body?: Buffer) {
  const stream = session.request(headers, { endStream: body === undefined })
  let response: IncomingHttpHeaders = {}
  let trailers: IncomingHttpHeaders = {}
  stream.on('response', (heads) => {
    response = heads
  })
  stream.on('trailers', (heads) => {
    trailers = heads
  })
  if (body !== undefined) stream.end(body)
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return { response, trailers, body: Buffer.concat(chunks) }
}

test('HTTP/2 with prior knowledge on both sides: bodies, trailers and many streams at once', async () => {
  const echo = h2cApplication((stream, headers) => {
    stream.respond({ ':status': 200, 'x-version': 'h2', 'x-path': String(headers[':path']) }, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': 'end' }))
    stream.pipe(stream)
  })
  await using mesh = await startTestMesh({ services: { orders: { raw: echo } }, callers: ['web'] })
  await mesh.apply(DECLARED)
  const session = connect(`http://127.0.0.1:${mesh.workload('web').portFor('orders')}`)
  await eventually('the port is known to speak HTTP/2', async () => {
    const { response } = await request(session, { ':path': '/first' })
    return Number(response[':status']) === 200
  })
  const bodies = Array.from({ length: 100 }, (_, i) => Buffer.alloc(i * 1_000, `${i % 10}`))
  const answers = await Promise.all(
    bodies.map((body, i) => request(session, { ':method': 'POST', ':path': `/${i}` }, body)),
  )
  for (const [i, { response, trailers, body }] of answers.entries()) {
    assert.equal(response[':status'], 200)
    assert.equal(response['x-path'], `/${i}`)
    assert.equal(trailers['x-sum'], 'end')
    assert.deepEqual(body, bodies[i])
  }
  session.close()
})

test('a caller of HTTP/1.1 reaches an application of HTTP/2', async () => {
  const hello = h2cApplication((stream, headers) => {
    stream.respond({ ':status': 200 })
    stream.end(`hello ${headers[':authority']}`)
  })
  await using mesh = await startTestMesh({ services: { orders: { raw: hello } }, callers: ['web'] })
  await mesh.apply(DECLARED)
  await eventually('it answers', async () => {
    const { status, body } = await mesh.call('web', 'orders', '/')
    return status === 200 && body.toString().startsWith('hello orders')
  })
})

test('a caller that gives up is heard by an application of HTTP/2, and its connection goes on', async () => {
  const codes: number[] = []
  const hang = h2cApplication((stream, headers) => {
    if (headers[':path'] !== '/hang') return stream.respond({ ':status': 204 }, { endStream: true })
    stream.on('close', () => codes.push(stream.rstCode))
    stream.respond({ ':status': 200 })
    stream.write('and so on')
  })
  await using mesh = await startTestMesh({ services: { orders: { raw: hang } }, callers: ['web'] })
  await mesh.apply(DECLARED)
  const session = connect(`http://127.0.0.1:${mesh.workload('web').portFor('orders')}`)
  await eventually(
    'it answers',
    async () => Number((await request(session, { ':path': '/' })).response[':status']) === 204,
  )
  const stream = session.request({ ':path': '/hang' })
  await once(stream, 'data')
  stream.close(constants.NGHTTP2_CANCEL)
  await eventually('the application hears it', () => codes.length === 1)
  assert.deepEqual(codes, [constants.NGHTTP2_CANCEL])
  assert.equal((await request(session, { ':path': '/' })).response[':status'], 204)
  assert.equal(mesh.workload('orders').app?.connectionCount, 1)
  session.close()
})

test('a port that is said to speak HTTP/2 and does not is a protocol error, not a hang', async () => {
  const http1 = (socket: Socket): void => {
    socket.on('data', () => socket.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n'))
  }
  await using mesh = await startTestMesh({ services: { orders: { raw: http1 } }, callers: ['web'] })
  await mesh.apply(DECLARED)
  await eventually('it is refused', async () => {
    const { status, headers } = await mesh.call('web', 'orders', '/')
    return status === 502 && headers['x-outrigger-error'] === 'protocol-error'
  })
})

test('a further try of a call says how much of its time is left', async () => {
  const clock = new LeapingClock()
  const heard: string[] = []
  const held: ServerHttp2Stream[] = []
  const app = h2cApplication((stream, headers) => {
    heard.push(String(headers['grpc-timeout']))
    if (headers[':path'] === '/warm' || isReady) stream.respond({ ':status': 200 }, { endStream: true })
    else held.push(stream)
  })
  let isReady = false
  await using mesh = await startTestMesh({ services: { orders: { raw: app, replicas: 2 } }, callers: ['web'], clock })
  await mesh.apply(DECLARED)
  const session = connect(`http://127.0.0.1:${mesh.workload('web').portFor('orders')}`)
  const call = (path: string) =>
    request(session, { ':method': 'POST', ':path': path, 'grpc-timeout': '40S' }, Buffer.from('x'))
  await eventually('it answers', async () => Number((await call('/warm')).response[':status']) === 200)
  heard.length = 0
  const answer = call('/')
  await eventually('the first try is there', () => held.length === 1)
  clock.leap(10_000)
  held.shift()?.close(constants.NGHTTP2_REFUSED_STREAM) // its sidecar asks once more, for nothing has begun
  await eventually('its sidecar tried again', () => held.length === 1)
  isReady = true
  held.shift()?.close(constants.NGHTTP2_REFUSED_STREAM)
  assert.equal((await answer).response[':status'], 200)
  session.close()
  assert.equal(heard[0], '40S')
  const [, leftUs = '0'] = /^(\d+)u$/.exec(heard.at(-1) ?? '') ?? []
  assert.ok(Number(leftUs) > 0 && Number(leftUs) <= 30_000_000, heard.join())
})
