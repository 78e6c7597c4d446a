import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test from 'ava'
import { Http2ServerConnection } from '../../../sidecar/connection/http2-server-connection.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { NO_FIELDS, UNKNOWN_LENGTH } from '../../../sidecar/http/head.ts'
import type { DownstreamStream } from '../../../sidecar/http/streams.ts'
import { LINK_SETTINGS } from '../../../sidecar/http2/http2-settings.ts'
import { http2Counters } from '../../../sidecar/http2/stream/http2-counters.ts'
import { FakeSocket, turn } from '../../support/fake-socket.ts'
import { SeenRequest, SeenResponse, TestEnd } from '../../support/http2-frames.ts'
import { requestHead } from '../../support/recording-streams.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

/** A served connection on a socket in memory, its client, and what the server was asked. */
async function served() {
  const socket = new FakeSocket()
  const clock = new TurnedClock(1_000)
  const counters = http2Counters()
  const requests: SeenRequest[] = []
  const connection = new Http2ServerConnection(socket as unknown as Socket, {
    handler: {
      onRefused: () => undefined,
      onRequest(head, end, stream: DownstreamStream) {
        const seen = new SeenRequest(head, end, stream as SeenRequest['stream'])
        stream.attach(seen)
        requests.push(seen)
      },
    },
    peer: undefined,
    settings: LINK_SETTINGS,
    keepAlive: false,
    clock,
    wheel: new TimerWheel(clock),
    counters,
    onClosed() {},
  })
  const client = new TestEnd('client', { streamWindowBytes: 1_000_000, connectionWindowBytes: 10_000_000 })
  /** What either has said reaches the other. */
  const talk = async (): Promise<void> => {
    socket.emit('data', client.connection.takeOutput())
    await turn()
    for (const octets of socket.writes.splice(0)) client.connection.receive(octets)
  }
  await talk()
  await talk()
  return { socket, clock, connection, counters, requests, client, talk }
}

test('while a write does not end, heads are bounded, too: no answers are asked for, streams are refused; then all goes on', async () => {
  const { socket, counters, requests, client, talk } = await served()
  let onWritten = (): void => undefined
  socket.write = (_octets, done) => {
    onWritten = done
    return true // less than the socket's high water: it takes more, and the peer takes nothing
  }
  const fields = ['set-cookie', 's'.repeat(10_000)]
  const ask = async (): Promise<SeenRequest | undefined> => {
    client.connection.openStream(requestHead(), true, new SeenResponse())
    await talk()
    return requests.at(-1)
  }
  const early = await ask()
  early?.stream.sendInterim(103, NO_FIELDS)
  await turn()
  for (let i = 0; i < 110; i++) (await ask())?.stream.sendHead({ status: 204, fields, bodyLength: 0 }, true)
  assert.equal(counters.refusedStream > 0, true, 'more than a MiB waits')
  assert.equal(early?.stream.takesAnswer(), false)
  onWritten()
  assert.equal(early?.drains, 1)
  assert.equal(early?.stream.takesAnswer(), true)
  onWritten()
  const before = requests.length
  await ask()
  assert.equal(requests.length, before + 1)
})

test('a connection that drains ends behind the last octet of its last body, and says all of it in order', async () => {
  const { connection, socket, requests, client, talk } = await served()
  const answers = [new SeenResponse(), new SeenResponse()]
  for (const answer of answers) client.connection.openStream(requestHead(), true, answer)
  await talk()
  for (const { stream } of requests) stream.sendHead({ status: 200, fields: [], bodyLength: UNKNOWN_LENGTH }, false)
  connection.drain()
  await talk()
  await talk()
  const piece = Buffer.alloc(50_000, 'x')
  for (const { stream } of requests) {
    for (let i = 0; i < 5; i++) stream.sendBody(piece)
    stream.sendEnd(NO_FIELDS)
  }
  for (let i = 0; i < 5 && !socket.isEnded; i++) await turn()
  assert.equal(socket.isEnded, true)
  await talk()
  assert.deepEqual(
    answers.map(({ bodyBytes, isEnded, errors }) => [bodyBytes, isEnded, errors]),
    [
      [250_000, true, []],
      [250_000, true, []],
    ],
  )
})

test('of a peer that does not answer the announcement of the end nothing new is taken after two seconds', async () => {
  const { socket, clock, connection, requests, client } = await served()
  const ask = (): void => {
    client.connection.openStream(requestHead(), true, new SeenResponse())
    socket.emit('data', client.connection.takeOutput())
  }
  connection.drain()
  ask()
  assert.equal(requests.length, 1, 'it was under way')
  clock.turn(1_999)
  ask()
  assert.equal(requests.length, 2)
  clock.turn(1)
  ask()
  await turn()
  assert.equal(requests.length, 2)
  assert.equal(socket.isEnded, false, 'what it began goes on')
  for (const { stream } of requests) stream.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
  await turn()
  assert.equal(socket.isEnded, true)
})
