import assert from 'node:assert/strict'
import { once } from 'node:events'
import test from 'ava'
import { err, ok } from '../../../certs/result.ts'
import { type SignRefusal, signRefusal } from '../../../control-plane/authority/sign-leaf.ts'
import type { SignCredential, Signing } from '../../../control-plane/authority/signing.ts'
import type { PeerIdentity } from '../../../control-plane/push/push-hub.ts'
import { serveSign } from '../../../control-plane/push/serve-sign.ts'
import { LIMITS } from '../../../sidecar/core/limits.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { endingOf, h2Streams } from './h2-stream.ts'

const WEB: PeerIdentity = {
  spiffeId: 'spiffe://m/ns/shop/sa/web',
  namespace: 'shop',
  serviceAccount: 'web',
  notAfterMs: 1,
}
const REQUEST = JSON.stringify({ csrPem: 'csr', identity: WEB.spiffeId })
const SIGNED = { chainPem: ['chain'], rootsPem: ['roots'] }

/** What comes of a request, and as whom it was signed. */
async function stage(peer: PeerIdentity | undefined, refusal?: SignRefusal['kind']) {
  const clock = new TurnedClock()
  const asked: SignCredential[] = []
  const signing: Signing = {
    sign: async (_, credential) => {
      asked.push(credential)
      return refusal === undefined ? ok(SIGNED) : signRefusal(refusal, `it is ${refusal}`)
    },
  }
  const arrived = Promise.withResolvers<void>()
  const streams = await h2Streams((stream, headers) => {
    serveSign(stream, headers, peer === undefined ? err('the client showed no certificate') : ok(peer), {
      clock,
      signing,
    })
    arrived.resolve()
  })
  const ask = async (body: string, headers = {}) => {
    const stream = streams.open(headers)
    const ending = endingOf(stream)
    stream.end(body)
    return ending
  }
  return {
    clock,
    asked,
    streams,
    ask,
    arrived: arrived.promise,
    [Symbol.asyncDispose]: () => streams[Symbol.asyncDispose](),
  }
}

test('a token speaks for its bearer, also beside a certificate; without one the certificate does', async () => {
  await using at = await stage(WEB)
  const { status, body } = await at.ask(REQUEST, { authorization: 'Bearer the-token' })
  assert.deepEqual([status, JSON.parse(body)], [200, SIGNED])
  assert.equal((await at.ask(REQUEST)).status, 200)
  // what is no token is none
  assert.equal((await at.ask(REQUEST, { authorization: 'Basic the-token' })).status, 200)
  assert.deepEqual(at.asked, [
    { kind: 'token', token: 'the-token' },
    { kind: 'certificate', peer: WEB },
    { kind: 'certificate', peer: WEB },
  ])
})

test('whoever shows neither is told why, and nobody is asked to sign', async () => {
  await using at = await stage(undefined)
  for (const authorization of [undefined, '', 'Bearer', 'Bearer a b', `Bearer ${'x'.repeat(4_097)}`]) {
    const { status, body } = await at.ask(REQUEST, authorization === undefined ? {} : { authorization })
    assert.equal(status, 401)
    assert.match(body, /showed no certificate/)
  }
  assert.deepEqual(at.asked, [])
})

const REFUSALS = { denied: 401, invalid: 400, unavailable: 503 } as const
for (const [kind, status] of Object.entries(REFUSALS) as [SignRefusal['kind'], number][]) {
  test(`a refusal that is ${kind} is a ${status}`, async () => {
    await using at = await stage(WEB, kind)
    const answer = await at.ask(REQUEST)
    assert.equal(answer.status, status)
    assert.match(answer.body, new RegExp(`it is ${kind}`))
  })
}

test('what is no request is refused, and nobody is asked to sign', async () => {
  await using at = await stage(WEB)
  for (const body of ['', '{', 'null', '{}', JSON.stringify({ csrPem: 1, identity: '' }), `${REQUEST}x`])
    assert.equal((await at.ask(body)).status, 400, body)
  assert.equal((await at.ask('x'.repeat(32 * 1024 + 1))).status, 413)
  assert.deepEqual(at.asked, [])
})

test('a request that does not arrive is not waited for', async () => {
  await using at = await stage(WEB)
  const stream = at.streams.open()
  const ending = endingOf(stream)
  stream.write('{')
  await at.arrived
  at.clock.turn(LIMITS.headTimeoutMs - 1)
  assert.equal(stream.closed, false)
  at.clock.turn(1)
  await once(stream, 'response')
  assert.equal((await ending).status, 408)
})
