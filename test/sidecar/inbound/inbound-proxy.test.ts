import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, constants, type SecureClientSessionOptions } from 'node:http2'
import test from 'ava'
import { systemClock } from '../../../sidecar/core/clock.ts'
import { Logger } from '../../../sidecar/core/logger.ts'
import { TimerWheel } from '../../../sidecar/core/timer-wheel.ts'
import type { RequestHead } from '../../../sidecar/http/head.ts'
import type { DownstreamStream } from '../../../sidecar/http/streams.ts'
import { http2Counters } from '../../../sidecar/http2/stream/http2-counters.ts'
import type { InboundLane } from '../../../sidecar/inbound/inbound-lane.ts'
import { InboundProxy } from '../../../sidecar/inbound/inbound-proxy.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { linkClientOptions } from '../../../sidecar/mtls/tls-contexts.ts'
import { ReplayBuffer, ReplayMemory } from '../../../sidecar/resilience/replay-buffer.ts'
import { makePki, unwrap } from '../../certs/mesh-pki.ts'
import { eventually } from '../../support/eventually.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { identityOf, WEB } from '../mtls/mesh-identity.ts'

// OpenSSL looks at the machine's clock, so these certificates are of today
const NOW = Date.now()
const pki = makePki('mesh.example', NOW)
const DAY_MS = 86_400_000
const SINK = { onBody() {}, onEnd() {}, onAbort() {}, onDrain() {} }

/** A listener of links whose requests wait until the test answers them. */
class WaitingProxy extends InboundProxy {
  readonly waiting: DownstreamStream[] = []

  override onRequest(_head: RequestHead, _end: boolean, stream: DownstreamStream): void {
    stream.attach(SINK)
    this.waiting.push(stream)
  }
}

/** The listener, its clock, and one link of a caller whose certificate lives so long. */
async function linkOf(lifetimeMs: number) {
  const clock = new TurnedClock(NOW)
  const identities = new IdentityStore()
  identities.replace(identityOf(pki, DAY_MS, 'spiffe://mesh.example/ns/shop/sa/orders', NOW))
  const memory = new ReplayMemory()
  const proxy = new WaitingProxy({
    identities,
    lane: {} as InboundLane, // it is never asked: the requests wait here
    clock,
    wheel: new TimerWheel(systemClock), // a peer that is silent for hours of the clock is alive all the same
    log: Logger.to(() => undefined, clock),
    counters: http2Counters(),
    newReplayBuffer: () => new ReplayBuffer(memory, 100),
    onRefusedPeer: assert.fail,
  })
  const port = unwrap(await proxy.listen({ host: '127.0.0.1', port: 0 }))
  const caller = identityOf(pki, lifetimeMs, WEB, NOW)
  const session = connect(`https://127.0.0.1:${port}`, linkClientOptions(caller) as SecureClientSessionOptions)
  session.on('error', () => undefined)
  await once(session, 'remoteSettings')
  return {
    clock,
    proxy,
    session,
    leftMs: caller.notAfterMs - NOW,
    async [Symbol.asyncDispose]() {
      session.destroy()
      await proxy.close()
    },
  }
}

/** All that the other end has said so far has come. */
const pinged = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve, reject) => session.ping((error) => (error === null ? resolve() : reject(error))))

for (const [lifetime, lifetimeMs, drainedAt, drainMs] of [
  ['an hour', 3_600_000, 'a minute before it ends', (leftMs: number) => leftMs - 60_000],
  ['five minutes', 300_000, 'at nine tenths of what is left', (leftMs: number) => leftMs * 0.9],
] as const) {
  test(`a link whose caller showed a certificate of ${lifetime} is drained ${drainedAt}: what is in flight goes on`, async () => {
    await using at = await linkOf(lifetimeMs)
    const { clock, proxy, session } = at
    const goAways: number[] = []
    session.on('goaway', (code: number) => goAways.push(code))
    const closed = once(session, 'close')
    const stream = session.request({ ':path': '/long' })
    await pinged(session)
    assert.equal(proxy.waiting.length, 1)

    clock.turn(Math.floor(drainMs(at.leftMs)) - 1)
    await pinged(session)
    assert.deepEqual(goAways, [], 'not before')
    clock.turn(2)
    await pinged(session)
    assert.equal(goAways[0], constants.NGHTTP2_NO_ERROR)

    proxy.waiting[0]?.sendHead({ status: 204, fields: [], bodyLength: 0 }, true)
    const [answer] = await once(stream, 'response')
    assert.equal(answer[':status'], 204)
    await closed
    await eventually('the link is gone', () => proxy.counts.links === 0)
  })
}
