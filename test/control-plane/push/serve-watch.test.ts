import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'ava'
import { ok } from '../../../certs/result.ts'
import { type PeerIdentity, PushHub } from '../../../control-plane/push/push-hub.ts'
import { PUSH_LIMITS } from '../../../control-plane/push/push-limits.ts'
import { serveWatch } from '../../../control-plane/push/serve-watch.ts'
import type { Timer } from '../../../sidecar/core/clock.ts'
import { meshWorld } from '../../support/mesh-world.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { endingOf, h2Streams } from './h2-stream.ts'

const NOON = 1_000_000
const WEB: PeerIdentity = {
  spiffeId: 'spiffe://mesh.test/ns/shop/sa/web',
  namespace: 'shop',
  serviceAccount: 'web',
  notAfterMs: NOON + 60_000,
}
const HELLO = `${JSON.stringify({ type: 'hello', workload: 'shop/web', version: 'test', serves: [] })}\n`

/** Knows how many timers wait. */
class CountingClock extends TurnedClock {
  readonly waiting = new Set<Timer>()
  override after(delayMs: number, action: () => void): Timer {
    const timer = super.after(delayMs, () => {
      this.waiting.delete(counted)
      action()
    })
    const counted = {
      cancel: () => {
        this.waiting.delete(counted)
        timer.cancel()
      },
    }
    this.waiting.add(counted)
    return counted
  }
}

/** A hub whose streams come over HTTP/2; the one resource `Endpoints shop/big` is as long as a test says. */
async function stage() {
  const clock = new CountingClock(NOON)
  const big = { version: '1', resource: { kind: 'Endpoints', name: 'shop/big', endpoints: [], note: '' } as never }
  const view = {
    generation: 1,
    trustDomain: 'mesh.test',
    find: (_: unknown, kind: string) => (kind === 'Endpoints' ? big : undefined),
  }
  const hub = new PushHub({
    clock,
    registrar: { attach: () => ok(undefined), detach: () => {}, release: () => {}, setReady: () => {} },
    world: () => meshWorld([]),
    view: () => view,
    onWorkloads: () => {},
    onSidecar: () => {},
    pingIntervalMs: 10_000_000,
    pingTimeoutMs: 10_000_000,
  })
  let served = 0
  const streams = await h2Streams((stream) => {
    serveWatch(stream, WEB, { clock, hub })
    served++
  })
  return { clock, hub, streams, big, served: () => served, [Symbol.asyncDispose]: () => streams[Symbol.asyncDispose]() }
}

test('a stream ends with the certificate that it was opened with, and says so', async () => {
  await using at = await stage()
  const stream = at.streams.open()
  const ending = endingOf(stream)
  stream.write(HELLO)
  await once(stream, 'data')
  at.clock.turn(59_999)
  assert.equal(at.hub.workloads.length, 1)
  at.clock.turn(1)
  stream.end()
  const { status, trailers } = await ending
  assert.equal(status, 200)
  assert.equal(trailers['x-outrigger-reason'], 'the certificate of this connection is over')
  assert.deepEqual(at.hub.workloads, [])
})

test('a peer that takes the end of its stream in no time is cut off', async () => {
  await using at = await stage()
  const stream = at.streams.open()
  const ending = endingOf(stream)
  stream.write(HELLO)
  await once(stream, 'data')
  at.hub.close()
  await once(stream, 'end')
  at.clock.turn(1_000)
  await ending
})

test('a refused hello is a status with its reason', async () => {
  await using at = await stage()
  const stream = at.streams.open()
  const ending = endingOf(stream)
  stream.end(HELLO.replace('shop/web', 'bank/web'))
  const { status, body } = await ending
  assert.equal(status, 403)
  assert.match(body, /not in namespace/)
})

test('a line without an end ends the stream', async () => {
  await using at = await stage()
  const stream = at.streams.open()
  const ending = endingOf(stream)
  stream.write('x'.repeat(PUSH_LIMITS.requestLineBytes + 1))
  const { status, body } = await ending
  assert.equal(status, 403)
  assert.match(body, /longer than/)
})

test('a stream that is over gives back what it counted for', async () => {
  await using at = await stage()
  for (let i = 0; i < 3; i++) {
    const stream = at.streams.open()
    const ending = endingOf(stream)
    stream.write(HELLO)
    await once(stream, 'data')
    stream.close()
    await ending
  }
  // what is told of the end of a stream comes after the end itself
  const last = at.streams.open()
  last.write(HELLO)
  await once(last, 'data')
  assert.equal(at.hub.workloads.length, 1)
  last.close()
  while (at.hub.workloads.length > 0) await new Promise((resolve) => setImmediate(resolve))
  const full = Array.from({ length: PUSH_LIMITS.sessionsPerIdentityCount }, () =>
    at.hub.open(WEB, { write: () => true, end: () => {} }),
  )
  assert.ok(full.every((opened) => opened.ok))
  const over = endingOf(at.streams.open())
  assert.deepEqual([(await over).status, at.served()], [429, 5])
})

test('a stream that is over is kept by no timer until its certificate ends', async () => {
  await using at = await stage()
  const stream = at.streams.open()
  stream.write(HELLO)
  await once(stream, 'data')
  assert.ok(at.clock.waiting.size > 0)
  stream.close()
  while (at.hub.workloads.length > 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(at.clock.waiting.size, 0)
})

test('a peer that began to read again is sent the rest', async () => {
  await using at = await stage()
  const stream = at.streams.open()
  stream.pause()
  Object.assign(at.big, { resource: { ...(at.big.resource as object), note: 'x'.repeat(4 * 1024 * 1024) } })
  const subscribe = ['shop/a', 'shop/b', 'shop/c'].map((name) => ({ type: 'subscribe', kind: 'Endpoints', name }))
  stream.write(HELLO + subscribe.map((line) => `${JSON.stringify(line)}\n`).join(''))
  while (at.hub.workloads[0]?.session.waitingCount !== 2) await new Promise((resolve) => setImmediate(resolve))
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString('latin1')).slice(-100)
  })
  stream.resume()
  while (!text.includes('"synced"')) await once(stream, 'data')
  assert.equal(at.hub.workloads[0]?.session.waitingCount, 0)
})
