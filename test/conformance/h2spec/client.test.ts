import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { frame, settings } from '../../support/http2-frames.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { CLIENT_CASES, type ClientCase } from './client-cases.ts'
import { lastWords, play } from './expectations.ts'
import { ACK, headers, literals, OK } from './octets.ts'
import { WirePeer } from './wire-peer.ts'

/** HTTP/2 towards the application, and each request sent once. */
const MANIFESTS = `apiVersion: v1
kind: Service
metadata: {name: orders, namespace: shop}
spec: {ports: [{port: 80, appProtocol: http2}]}
---
apiVersion: outrigger.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: orders, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
  outlierDetection: {consecutive5xxErrors: 0}
  timeouts: {request: 10m}
  retry: {attempts: 0}
`

let mesh: TestMesh
/** Takes the next connection that the sidecar dials to its application. */
let onConnection: (socket: Socket) => void = (socket) => socket.destroy()

test.before(async () => {
  assert.equal(CLIENT_CASES.length, 57, 'every client case of h2spec')
  mesh = await startTestMesh({ services: { orders: { raw: (socket) => onConnection(socket) } }, callers: ['web'] })
  await mesh.apply(MANIFESTS)
  onConnection = (socket) => void answer(socket)
  await eventually('the sidecar speaks HTTP/2', async () => (await mesh.call('web', 'orders', '/')).status === 200)
})
test.after.always(() => mesh[Symbol.asyncDispose]())

for (const [at, one] of CLIENT_CASES.entries()) {
  const number = CLIENT_CASES.slice(0, at + 1).filter(({ section }) => section === one.section).length
  test.serial(`${one.section}/${number} (${one.rfc}) ${one.sent}: ${lastWords(one.steps)}`, async () => {
    mesh.workload('orders').app?.cut()
    const { peer, seen } = await connectionOfSidecar()
    using _ = peer
    await script(peer, one)
    if (one.outcome === 'response') assert.equal(await seen, 200)
    if (one.outcome === 'error') assert.notEqual(await seen, 200)
    await seen
  })
}

/** A connection that the sidecar dials for a request of a caller, and what becomes of that request. */
async function connectionOfSidecar(): Promise<{ peer: WirePeer; seen: Promise<number> }> {
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<Socket>()
    onConnection = (socket) => {
      onConnection = (next) => next.destroy()
      resolve(socket)
    }
    const seen = mesh.call('web', 'orders', '/').then(
      ({ status }) => status,
      () => 0,
    )
    // The connection of the case before may be met once more, before its end is heard.
    const socket = await Promise.race([promise, seen])
    if (typeof socket !== 'number') return { peer: new WirePeer(socket, 'server'), seen }
  }
}

/** Plays the steps, and answers the request where they left it open. */
async function script(peer: WirePeer, { steps, isBare, outcome }: ClientCase): Promise<void> {
  if (!isBare) await peer.shakeHands()
  await play(peer, steps)
  const isHead = (octets: Buffer): boolean => octets[3] === 1 && octets.readUInt32BE(5) === 1
  const isAnswered = steps.some((step) => Buffer.isBuffer(step) && isHead(step))
  if (outcome === 'response' && !isAnswered) peer.send(headers(1, literals(...OK)))
}

/** A server that answers whatever is asked. */
async function answer(socket: Socket): Promise<void> {
  const peer = new WirePeer(socket, 'server')
  peer.send(settings(), frame(4, ACK, 0))
  for (let heard = await peer.next(); heard !== 'closed'; heard = await peer.next()) {
    if (heard.type === 1) peer.send(headers(heard.streamId, literals(...OK)))
  }
}
