import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import test from 'ava'
import { startTestMesh } from '../../support/mesh.ts'

const DECLARED = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80, appProtocol: grpc}]}
`

const frame = (text: string, flag = 0): Buffer => {
  const octets = Buffer.from(text)
  const head = Buffer.alloc(5)
  head[0] = flag
  head.writeUInt32BE(octets.length, 1)
  return Buffer.concat([head, octets])
}

/** Frames of a body: flag and text of each. */
function framesOf(body: Buffer): (readonly [flag: number, text: string])[] {
  const frames: (readonly [number, string])[] = []
  for (let at = 0; at < body.length; ) {
    const length = body.readUInt32BE(at + 1)
    frames.push([body[at] ?? 0, body.toString('utf8', at + 5, at + 5 + length)])
    at += 5 + length
  }
  return frames
}

/** A server of gRPC that echoes its messages in capitals; `/fail` is answered with a status alone. */
async function grpcWebMesh() {
  const heard: IncomingHttpHeaders[] = []
  const server = createServer()
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    heard.push(headers)
    stream.on('error', () => undefined)
    if (headers[':path'] === '/shop.Orders/Fail') {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '9', 'grpc-message': 'no' },
        { endStream: true },
      )
      return
    }
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      if (stream.destroyed) return // its caller has given it up
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true })
      stream.on('wantTrailers', () =>
        stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine', 'x-last': 'word' }),
      )
      for (const [, text] of framesOf(Buffer.concat(chunks))) stream.write(frame(text.toUpperCase()))
      stream.end()
    })
  })
  const mesh = await startTestMesh({
    services: { orders: { raw: (socket: Socket) => void server.emit('connection', socket) } },
    callers: ['web'],
  })
  await mesh.apply(DECLARED)
  const call = async (path: string, type: string, body: Buffer | string) => {
    const url = `http://127.0.0.1:${mesh.workload('web').portFor('orders')}${path}`
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body })
    return { response, body: Buffer.from(await response.arrayBuffer()) }
  }
  return { mesh, heard, call, [Symbol.asyncDispose]: () => mesh[Symbol.asyncDispose]() }
}

const TRAILERS = [0x80, 'grpc-status:0\r\ngrpc-message:fine\r\nx-last:word\r\n'] as const

test('a caller of gRPC-Web reaches a server of gRPC: trailers come as the last frame', async () => {
  await using at = await grpcWebMesh()
  const { response, body } = await at.call(
    '/shop.Orders/Echo',
    'application/grpc-web+proto',
    Buffer.concat([frame('one'), frame('two')]),
  )
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-type'), 'application/grpc-web+proto')
  assert.deepEqual(framesOf(body), [[0, 'ONE'], [0, 'TWO'], TRAILERS])
  assert.deepEqual([at.heard[0]?.['content-type'], at.heard[0]?.['te']], ['application/grpc+proto', 'trailers'])
})

test('in text, what is base64 may be padded wherever it was flushed', async () => {
  await using at = await grpcWebMesh()
  const octets = frame('a message')
  for (const text of [
    octets.toString('base64'),
    [octets.subarray(0, 4), octets.subarray(4, 9), octets.subarray(9)].map((part) => part.toString('base64')).join(''),
  ]) {
    const { response, body } = await at.call('/shop.Orders/Echo', 'application/grpc-web-text', text)
    assert.equal(response.headers.get('content-type'), 'application/grpc-web-text')
    const pieces = body.toString('latin1').match(/[^=]+=*/g) ?? []
    const decoded = Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64')))
    assert.deepEqual(framesOf(decoded), [[0, 'A MESSAGE'], TRAILERS])
  }
})

test('a status without a message stays in the head, where callers of gRPC-Web read it too', async () => {
  await using at = await grpcWebMesh()
  const { response, body } = await at.call('/shop.Orders/Fail', 'application/grpc-web+proto', frame('x'))
  assert.deepEqual(
    ['content-type', 'grpc-status', 'grpc-message'].map((name) => response.headers.get(name)),
    ['application/grpc-web+proto', '9', 'no'],
  )
  assert.equal(body.length, 0)
})

test('what the mesh itself answers is an answer of gRPC-Web', async () => {
  await using at = await grpcWebMesh()
  await at.mesh.apply(`apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: closed, namespace: shop}
spec: {targetRefs: [{group: "", kind: Service, name: orders}], action: DENY, rules: [{}]}
`)
  const { response } = await at.call('/shop.Orders/Echo', 'application/grpc-web+proto', frame('x'))
  assert.deepEqual(
    ['content-type', 'grpc-status', 'x-outrigger-error'].map((name) => response.headers.get(name)),
    ['application/grpc-web+proto', '7', 'denied'],
  )
  assert.equal(at.heard.length, 0)
})

test('a body that is no base64 is refused as what it is', async () => {
  await using at = await grpcWebMesh()
  for (const text of ['AAA', 'A===', 'AA=A', '!!!!', `${frame('x').toString('base64')}A`]) {
    const { response } = await at.call('/shop.Orders/Echo', 'application/grpc-web-text', text)
    assert.equal(response.headers.get('grpc-status'), '13', text)
    assert.match(response.headers.get('grpc-message') ?? '', /no base64/)
  }
})

test('where the port speaks HTTP, gRPC-Web is the application’s own affair', async () => {
  await using mesh = await startTestMesh({
    services: { orders: (request, response) => void response.end(request.headers['content-type']) },
    callers: ['web'],
  })
  const headers = { 'content-type': 'application/grpc-web+proto' }
  const { text } = await mesh.call('web', 'orders', '/shop.Orders/Echo', { method: 'POST', headers, body: 'x' })
  assert.equal(text, 'application/grpc-web+proto')
})
