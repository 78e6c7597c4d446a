import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test from 'ava'
import { systemClock } from '../../../sidecar/core/clock.ts'
import type { MeshError } from '../../../sidecar/core/mesh-errors.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { NO_FIELDS } from '../../../sidecar/http/head.ts'
import type { UpstreamStream } from '../../../sidecar/http/streams.ts'
import { connectHead } from '../../../sidecar/tunnel/tcp-downstream.ts'
import { TcpDialer } from '../../../sidecar/tunnel/tcp-upstream.ts'
import { eventually, pause } from '../../support/eventually.ts'

/** A tunnel to an application whose port did not say what it speaks, and what both of its ends saw. */
async function screened(onConnection: (socket: Socket) => void = () => undefined) {
  let received = ''
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
    })
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const seen = { answer: '', error: undefined as MeshError | undefined, drains: 0 }
  const stream = await new Promise<UpstreamStream>((resolve) => {
    const attempt = {
      attemptHead: connectHead('bank:80'),
      attemptEnd: false,
      attemptFields: NO_FIELDS,
      mayBegin: () => true,
      onStream: resolve,
      onInterim() {},
      onResponseHead() {},
      onResponseBody(chunk: Buffer) {
        seen.answer += chunk.toString('latin1')
      },
      onResponseEnd() {},
      onResponseError(error: MeshError) {
        seen.error = error
      },
      onRequestDrain() {
        seen.drains++
      },
    }
    const { port } = server.address() as AddressInfo
    new TcpDialer(new TimerWheel(systemClock)).open('127.0.0.1', port, attempt, { timeoutMs: 5_000, isScreened: true })
  })
  return {
    say: (text: string) => stream.sendBody(Buffer.from(text, 'latin1')),
    end: () => stream.sendEnd(NO_FIELDS),
    received: () => received,
    seen,
    async [Symbol.asyncDispose]() {
      stream.cancel()
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}

test('HTTP in a tunnel reaches no application: no policy saw its requests', async () => {
  const long = `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n`
  const cases = [
    ['GET /admin HTTP/1.1\r\n'],
    ['GET /ad', 'min HTTP', '/1.0\n'],
    ['PRI * HTTP/2.0\r\n\r\nSM'],
    [long],
    [long.slice(0, 16_384), long.slice(16_384)],
  ]
  for (const pieces of cases) {
    await using tunnel = await screened()
    for (const piece of pieces) tunnel.say(piece)
    assert.equal(tunnel.seen.error?.code, 'denied', pieces.join())
    await pause(50)
    assert.equal(tunnel.received(), '')
  }
})

test('anything else passes, in order, as soon as it is told', async () => {
  await using tunnel = await screened()
  tunnel.say('pi')
  await pause(50)
  assert.equal(tunnel.received(), '')
  tunnel.say('ng\r\n')
  tunnel.say('GET / HTTP/1.1\r\n')
  await eventually('it is there', () => tunnel.received() === 'ping\r\nGET / HTTP/1.1\r\n')
  assert.equal(tunnel.seen.error, undefined)
})

test('what an application says first settles it, and so does the end of the caller', async () => {
  await using greeted = await screened((socket) => void socket.write('220 '))
  await eventually('the greeting is there', () => greeted.seen.answer === '220 ')
  greeted.say('GET')
  await eventually('it is there', () => greeted.received() === 'GET')

  await using ended = await screened()
  ended.say('pi')
  ended.end()
  await eventually('it is there at its end', () => ended.received() === 'pi')
})

const SETTINGS = '\0\0\0\x04\0\0\0\0\0'

test('a server of HTTP may speak first: its caller is judged all the same', async () => {
  for (const greeting of [SETTINGS, 'HTTP/1.1 408 Request Timeout\r\n\r\n']) {
    await using tunnel = await screened((socket) => void socket.write(greeting, 'latin1'))
    await pause(50)
    assert.equal(tunnel.seen.answer, '', 'it waits for the word of its caller')
    tunnel.say('PRI * HTTP/2.0\r\n\r\nSM')
    assert.equal(tunnel.seen.error?.code, 'denied')
    await pause(50)
    assert.equal(tunnel.received() + tunnel.seen.answer, '')
  }
})

test('what looked like a server of HTTP reaches a caller that speaks something else, or when it ends', async () => {
  await using spoken = await screened((socket) => void socket.write(SETTINGS, 'latin1'))
  await pause(50)
  spoken.say('ping\r\n')
  assert.equal(spoken.seen.answer, SETTINGS)
  await eventually('the callee has it too', () => spoken.received() === 'ping\r\n')

  await using ended = await screened((socket) => void socket.end('HTTP/1.1 408 Request Timeout\r\n\r\n'))
  await eventually('it is there', () => ended.seen.answer.endsWith('\r\n\r\n'))

  await using more = await screened((socket) => void socket.write(SETTINGS + 'a'.repeat(5_000), 'latin1'))
  await eventually('no server of HTTP says so much first', () => more.seen.answer.length === 5_009)
})

test('a request line that ends with its caller is one', async () => {
  await using tunnel = await screened()
  tunnel.say('GET /admin HTTP/1.1')
  tunnel.end()
  assert.equal(tunnel.seen.error?.code, 'denied')
  await pause(50)
  assert.equal(tunnel.received(), '')
})

test('a callee that reads slowly holds its caller back, be it judged or not, and takes more when it reads on', async () => {
  const sockets: Socket[] = []
  await using tunnel = await screened((socket) => {
    sockets.push(socket.pause())
  })
  await eventually('it is accepted', () => sockets.length === 1)
  const chunk = 'a'.repeat(1024 * 1024)
  assert.equal(tunnel.say('ping'), true)
  let said = 'ping'.length
  let takesMore = tunnel.say(`\n${chunk}`)
  said += 1 + chunk.length
  for (let i = 0; i < 64 && takesMore; i++) {
    takesMore = tunnel.say(chunk)
    said += chunk.length
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(takesMore, false)
  assert.equal(tunnel.seen.drains, 0)
  sockets[0]?.resume()
  await eventually('it may say more', () => tunnel.seen.drains === 1)
  await eventually('all of it is there', () => tunnel.received().length === said)
})
