import assert from 'node:assert/strict'
import test from 'ava'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { lastWords, play } from './expectations.ts'
import { SERVER_CODES, SERVER_FRAMES } from './server-frames.ts'
import { SERVER_GENERIC } from './server-generic.ts'
import { SERVER_HPACK, SERVER_MESSAGES } from './server-messages.ts'
import { SERVER_STREAMS } from './server-streams.ts'
import { WirePeer } from './wire-peer.ts'

/** The cases of h2spec, by its sections, against the listener of a sidecar, before a real application two sidecars away. */
const CASES = [
  ...SERVER_GENERIC,
  ...SERVER_STREAMS,
  ...SERVER_FRAMES,
  ...SERVER_CODES,
  ...SERVER_MESSAGES,
  ...SERVER_HPACK,
]

let mesh: TestMesh

test.before(async () => {
  assert.equal(CASES.length, 147, 'every case of h2spec')
  mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        request.resume()
        request.on('end', () => void response.end('hello, this is more than five octets'))
      },
    },
    callers: ['web'],
  })
})
test.after.always(() => mesh[Symbol.asyncDispose]())

for (const [at, { section, rfc, sent, steps, isBare }] of CASES.entries()) {
  const number = CASES.slice(0, at + 1).filter((one) => one.section === section).length
  test.serial(`${section}/${number} (${rfc}) ${sent}: ${lastWords(steps)}`, async () => {
    using peer = await WirePeer.connect(mesh.workload('web').portFor('orders'))
    if (isBare !== true) await peer.shakeHands()
    await play(peer, steps)
  })
}
