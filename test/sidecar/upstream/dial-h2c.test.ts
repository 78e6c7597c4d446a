import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import test from 'ava'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import { http2Counters } from '../../../sidecar/http2/stream/http2-counters.ts'
import { createH2cDialer } from '../../../sidecar/upstream/dial-h2c.ts'
import { eventually } from '../../support/eventually.ts'
import { settings } from '../../support/http2-frames.ts'
import { endpoint } from '../../support/resources.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { HeardDial } from './heard-dial.ts'

/** An application that does `serve` with what it accepts, and a dial to it by a clock that stands still. */
async function dialled(serve: (socket: Socket) => void) {
  let accepted: Socket | undefined
  const server = createServer((socket) => {
    accepted = socket
    socket.on('error', () => undefined)
    serve(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const clock = new TurnedClock()
  const dial = createH2cDialer({ clock, wheel: new TimerWheel(clock), counters: http2Counters() })
  const heard = new HeardDial(dial, endpoint('orders-1', { address: '127.0.0.1', port }), 1_000)
  return {
    heard,
    clock,
    accepted: async (): Promise<Socket> => {
      await eventually('the application accepted and was spoken to', () => (accepted?.bytesRead ?? 0) > 0)
      return accepted as Socket
    },
    [Symbol.asyncDispose]: async () => {
      heard.link?.destroy()
      accepted?.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

test('a connection stands when the application has said what it allows', async () => {
  await using at = await dialled(() => {})
  const socket = await at.accepted()
  assert.deepEqual(at.heard.events, [], 'nothing is known yet')
  socket.write(settings([3, 0]))
  await at.heard.decided
  assert.deepEqual(at.heard.lifeEvents, ['link'])
  assert.equal(at.heard.link?.canOpenStream, false, 'no stream is allowed')
  socket.destroy()
  await at.heard.gone
  assert.deepEqual(at.heard.lifeEvents, ['link', 'gone'])
})

test('an application that accepts and is busy gets its requests after a while', async () => {
  await using at = await dialled(() => {})
  await at.accepted()
  at.clock.turn(999)
  assert.deepEqual(at.heard.events, [])
  at.clock.turn(1)
  assert.deepEqual(at.heard.lifeEvents, ['link'])
  assert.equal(at.heard.link?.canOpenStream, true)
})

const FAILURES: readonly (readonly [string, (socket: Socket) => void, string])[] = [
  ['closes without a word', (socket) => void socket.end(), 'connect-failure'],
  ['resets the connection', (socket) => void socket.once('data', () => socket.resetAndDestroy()), 'connect-failure'],
  ['speaks something else', (socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), 'protocol-error'],
]

for (const [what, serve, code] of FAILURES) {
  test(`an application that ${what} is a failed dial: ${code}`, async () => {
    await using at = await dialled(serve)
    await at.heard.decided
    assert.deepEqual([at.heard.lifeEvents, at.heard.error?.code], [['failed'], code])
    at.clock.turn(60_000)
    assert.deepEqual(at.heard.lifeEvents, ['failed'], 'and is told once')
  })
}
