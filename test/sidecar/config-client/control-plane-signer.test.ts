import assert from 'node:assert/strict'
import test from 'ava'
import { err, ok, type Result } from '../../../certs/result.ts'
import { controlPlaneId } from '../../../certs/spiffe-id.ts'
import { ControlChannel } from '../../../sidecar/config-client/control-channel.ts'
import { ControlPlaneSigner } from '../../../sidecar/config-client/control-plane-signer.ts'
import type { Identity } from '../../../sidecar/mtls/identity.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import type { SignedChain } from '../../../sidecar/mtls/signer.ts'
import { linkServerOptions } from '../../../sidecar/mtls/tls-contexts.ts'
import { DAY_MS, makePki, unwrap } from '../../certs/mesh-pki.ts'
import { TurnedClock } from '../../support/turned-clock.ts'
import { identityOf, WEB } from '../mtls/mesh-identity.ts'
import { LinkCallee } from '../upstream/link-callee.ts'
import { type AskedSignature, ScriptedControlPlane } from './scripted-control-plane.ts'

// OpenSSL looks at the machine's clock, so these certificates are of today
const NOW = Date.now()
const pki = makePki('mesh.example', NOW)
const plane = identityOf(pki, 9 * DAY_MS, unwrap(controlPlaneId('mesh.example')).text, NOW)
const web = identityOf(pki, DAY_MS, WEB, NOW)

const signed = { status: 200, body: { chainPem: ['chain'], rootsPem: ['roots'] } }
const refused = { status: 403, body: { error: { what: 'this caller is refused' } } }
const away = { status: 503, body: { error: { what: 'the registry is away' } } }

interface Setting {
  readonly held?: Identity
  readonly nowMs?: number
  readonly token?: Result<string | undefined, string>
  readonly answers: ScriptedControlPlane['answers']
}

/** What the control plane was asked, and what came of it. */
async function sign({ held, nowMs = NOW, token = ok('the-token'), answers }: Setting) {
  await using there = await ScriptedControlPlane.listen(plane)
  there.answers = [...answers]
  const clock = new TurnedClock(nowMs)
  const identities = new IdentityStore()
  if (held !== undefined) identities.replace(held)
  const addresses = [{ host: '127.0.0.1', port: there.port }]
  const channel = new ControlChannel({ clock, identities, bundle: pki.bundle, addresses })
  const signer = new ControlPlaneSigner({ channel, identities, clock, readToken: async () => token })
  const answer = await signer.sign('csr', WEB, new AbortController().signal)
  await there.allLeft()
  const asked = there.asked.map(({ authorization, caller }: AskedSignature) =>
    authorization === undefined ? `as ${caller}` : authorization,
  )
  return { answer, asked }
}

const good = (answer: Result<SignedChain, string>): void => assert.deepEqual(unwrap(answer), signed.body)
const wrong = (answer: Result<SignedChain, string>, says: RegExp): void => {
  assert(!answer.ok)
  assert.match(answer.error, says)
}
const AS_WEB = `as URI:${WEB}`
const WITH_TOKEN = 'Bearer the-token'

test('without a certificate the join token speaks for us', async () => {
  const { answer, asked } = await sign({ answers: [signed] })
  good(answer)
  assert.deepEqual(asked, [WITH_TOKEN])
})

test('while the certificate is valid it speaks for us, and the token stays here', async () => {
  const { answer, asked } = await sign({ held: web, answers: [signed] })
  good(answer)
  assert.deepEqual(asked, [AS_WEB])
})

test('with a certificate that is over we do not ask: the join token speaks for us', async () => {
  for (const nowMs of [web.notAfterMs, web.notAfterMs + DAY_MS]) {
    const { answer, asked } = await sign({ held: web, nowMs, answers: [signed] })
    good(answer)
    assert.deepEqual(asked, [WITH_TOKEN])
  }
})

test('when the certificate is refused, the join token is tried', async () => {
  const { answer, asked } = await sign({ held: web, answers: [refused, signed] })
  good(answer)
  assert.deepEqual(asked, [AS_WEB, WITH_TOKEN])
})

test('when the control plane could not answer, the token is kept for another time', async () => {
  const { answer, asked } = await sign({ held: web, answers: [away, signed] })
  wrong(answer, /the registry is away/)
  assert.deepEqual(asked, [AS_WEB])
})

test('which refusals leave the token for another time: those of the moment', async () => {
  for (const [status, isTried] of [
    [400, true],
    [401, true],
    [403, true],
    [408, false],
    [500, false],
    [503, false],
  ] as const) {
    const { asked } = await sign({ held: web, answers: [{ ...refused, status }, signed] })
    assert.deepEqual(asked, isTried ? [AS_WEB, WITH_TOKEN] : [AS_WEB], String(status))
  }
})

test('whoever gives up while the control plane thinks hangs up on it', async () => {
  const spoken = Promise.withResolvers<void>()
  await using there = await LinkCallee.tls({ ...linkServerOptions(plane), rejectUnauthorized: false }, (socket) =>
    socket.on('data', () => spoken.resolve()),
  )
  const clock = new TurnedClock(NOW)
  const identities = new IdentityStore()
  const addresses = [{ host: '127.0.0.1', port: there.port }]
  const channel = new ControlChannel({ clock, identities, bundle: pki.bundle, addresses })
  const signer = new ControlPlaneSigner({ channel, identities, clock, readToken: async () => ok('the-token') })
  const waiting = new AbortController()
  const answer = signer.sign('csr', WEB, waiting.signal)
  await spoken.promise
  waiting.abort()
  assert(!(await answer).ok)
  await there.allLeft()
})

test('an answer without an end is not waited for', async () => {
  const long = { status: 200, body: { chainPem: ['x'.repeat(256 * 1024)], rootsPem: [] } }
  wrong((await sign({ held: web, answers: [long] })).answer, /longer than 262144 bytes/)
})

test('when both are refused, the reason is that of the token', async () => {
  const spent = { status: 401, body: { error: { what: 'the token is spent' } } }
  const { answer, asked } = await sign({ held: web, answers: [refused, spent] })
  wrong(answer, /the token is spent/)
  assert.deepEqual(asked, [AS_WEB, WITH_TOKEN])
})

test('without a token the refusal of the certificate is the reason, and without both there is nothing to ask with', async () => {
  wrong((await sign({ held: web, token: ok(undefined), answers: [refused] })).answer, /this caller is refused/)
  const { answer, asked } = await sign({ token: ok(undefined), answers: [signed] })
  wrong(answer, /neither a valid certificate nor a join token/)
  assert.deepEqual(asked, [])
})

test('a token that can not be read is the reason', async () => {
  wrong((await sign({ token: err('no such file'), answers: [signed] })).answer, /no such file/)
})

test('whoever gives up while we connect has asked nobody, and the token stays here', async () => {
  await using there = await ScriptedControlPlane.listen(plane)
  there.answers = [signed]
  const clock = new TurnedClock(NOW)
  const identities = new IdentityStore()
  const addresses = [{ host: '127.0.0.1', port: there.port }]
  const channel = new ControlChannel({ clock, identities, bundle: pki.bundle, addresses })
  const signer = new ControlPlaneSigner({ channel, identities, clock, readToken: async () => ok('the-token') })
  const waiting = new AbortController()
  const answer = signer.sign('csr', WEB, waiting.signal)
  waiting.abort()
  wrong(await answer, /not waited for any more/)
  await there.allLeft()
  assert.deepEqual(there.asked, [])
})
