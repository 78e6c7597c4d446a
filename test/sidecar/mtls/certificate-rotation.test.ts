import assert from 'node:assert/strict'
import test from 'ava'
import { createBundle, hasSameRoots } from '../../../certs/bundle.ts'
import { toCertificatePem } from '../../../certs/certificate.ts'
import { seededRandom } from '../../../sidecar/core/random.ts'
import { CertificateRotation } from '../../../sidecar/mtls/certificate-rotation.ts'
import { IdentityStore } from '../../../sidecar/mtls/identity-store.ts'
import { DAY_MS, idOf, makePki, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { identityOf, TestSigner, WEB } from './mesh-identity.ts'
import { SettlingClock } from './settling-clock.ts'

const pki = makePki()

function setting(lifetimeMs: number, seed = 1) {
  const clock = new SettlingClock(NOON)
  const store = new IdentityStore()
  const signer = new TestSigner(pki, clock, lifetimeMs)
  const troubles: string[] = []
  const onTrouble = (reason: string): void => void troubles.push(reason)
  const random = seededRandom(seed)
  const rotation = new CertificateRotation({ id: idOf(WEB), store, signer, clock, random, onTrouble })
  return { clock, store, signer, troubles, rotation }
}

for (const [name, lifetimeMs] of [
  ['10 s', 10_000],
  ['60 s', 60_000],
  ['1 h', 3_600_000],
  ['24 h', DAY_MS],
  ['60 days, more than a timer holds', 60 * DAY_MS],
] as const) {
  test(`certificates that live ${name} are renewed at 50–70 % of their life, and are never over`, async () => {
    const { clock, store, signer, rotation } = setting(lifetimeMs)
    using _rotation = rotation
    rotation.start()
    for (let i = 0; i < 50; i++) {
      await clock.turn(lifetimeMs / 10)
      assert(store.current !== undefined && store.current.notAfterMs > clock.wallMs())
    }
    const waits = signer.askedMs.slice(1).map((atMs, i) => (atMs - (signer.askedMs[i] ?? 0)) / lifetimeMs)
    assert(waits.length >= 7 && waits.length <= 10, `${waits.length} renewals`)
    // dates have whole seconds, so up to a second of the life is lost
    const lostRatio = 1_000 / lifetimeMs
    for (const wait of waits) assert(wait >= 0.5 * (1 - lostRatio) && wait <= 0.7, `at ${wait} of the life`)
    assert.equal(rotation.state.renewalCount, waits.length + 1)
    assert.equal(rotation.state.lastError, undefined)
  })
}

test('every certificate has a key of its own', async () => {
  const { clock, store, rotation } = setting(10_000)
  using _rotation = rotation
  const keys = new Set<string>()
  using _subscription = store.subscribe(({ chain }) => void keys.add(chain[0]?.subjectKeyId ?? ''))
  rotation.start()
  await clock.turn(60_000)
  assert.equal(keys.size, rotation.state.renewalCount)
  assert(keys.size > 5)
})

test('while the authority is away the old identity serves, tries are spread, and the first answer is taken', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  rotation.start()
  await clock.turn(1_000)
  const held = store.current
  signer.mood = 'failing'
  await clock.turn(0.95 * DAY_MS)
  assert.equal(store.current, held)
  assert.equal(rotation.state.lastError, 'the control plane is away')
  // at least every 5 minutes on average once backed off, and no storm
  assert(rotation.state.failureCount > 60 && rotation.state.failureCount < 400, `${rotation.state.failureCount} tries`)
  signer.mood = 'good'
  await clock.turn(300_000)
  assert.notEqual(store.current, held)
  assert.equal(rotation.state.failureCount, 0)
})

test('a first certificate that can not be had is asked for again within 15 s each time', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  signer.mood = 'failing'
  rotation.start()
  await clock.turn(600_000)
  assert.equal(store.current, undefined)
  const gaps = signer.askedMs.slice(1).map((atMs, i) => atMs - (signer.askedMs[i] ?? 0))
  assert(Math.max(...gaps) <= 15_000)
  assert(gaps.length < 150, `${gaps.length} tries`)
})

for (const [mood, problem] of [
  ['other-key', /another key/],
  ['other-identity', /web2/],
  ['nonsense', /not readable/],
  ['throwing', /hang up/],
  ['silent', /no answer within 10000 ms/],
] as const) {
  test(`an answer that is ${mood} leaves the old identity serving`, async () => {
    const { clock, store, signer, rotation } = setting(100_000)
    using _rotation = rotation
    rotation.start()
    await clock.turn(1_000)
    const held = store.current
    assert(held !== undefined)
    signer.mood = mood
    await clock.turn(90_000)
    assert.equal(store.current, held)
    assert.match(rotation.state.lastError ?? '', problem)
    signer.mood = 'good'
    await clock.turn(30_000)
    assert.notEqual(store.current, held)
  })
}

test('an answer of a foreign authority with the same names is not taken while our roots stand', async () => {
  const { clock, store, signer, rotation } = setting(100_000)
  using _rotation = rotation
  rotation.start()
  await clock.turn(1_000)
  const roots = store.current?.bundle
  assert(roots !== undefined)
  signer.pki = { ...makePki(), root: pki.root }
  await clock.turn(80_000)
  assert.equal(store.current?.bundle, roots)
  assert.match(rotation.state.lastError ?? '', /no root/)
})

test('the roots of an answer are not taken while the new chain leads to those that we hold', async () => {
  const { clock, store, signer, rotation } = setting(100_000)
  using _rotation = rotation
  rotation.start()
  await clock.turn(1_000)
  const roots = store.current?.bundle
  signer.moreRootsPem = [toCertificatePem(makePki().root)]
  await clock.turn(80_000)
  assert.equal(rotation.state.renewalCount, 2)
  assert.equal(store.current?.bundle, roots)
})

test('roots that our chain does not lead to make the rotation ask for another certificate at once', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  rotation.start()
  await clock.turn(1_000)
  const next = makePki()
  signer.pki = next
  const bundle = unwrap(createBundle('mesh.example', 5, [next.root]))
  assert(store.replaceRoots(bundle).ok)
  await clock.turn(1_000)
  assert.equal(rotation.state.renewalCount, 2)
  assert(store.current !== undefined && hasSameRoots(store.current.bundle, bundle))
  assert.equal(store.current.bundle.sequence, 5)
})

test('roots that are published while we ask are not undone by the answer, which was made before', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  rotation.start()
  await clock.turn(1_000)
  const next = makePki()
  const published = unwrap(createBundle('mesh.example', 2, [next.root]))
  const sign = signer.sign.bind(signer)
  signer.sign = async (csrPem, identity) => {
    const answer = await sign(csrPem, identity)
    assert(store.replaceRoots(published).ok)
    signer.pki = next
    signer.sign = sign
    return answer
  }
  rotation.renewNow()
  await clock.turn(0)
  assert.equal(store.current?.bundle, published)
  assert.match(rotation.state.lastError ?? '', /no root/)
  // the next answer leads to them
  await clock.turn(1_000)
  assert.equal(rotation.state.lastError, undefined)
  assert.equal(store.current?.bundle, published)
  assert.deepEqual(store.current?.chain[1]?.der, next.issuing.certificate.der)
})

test('an answer brings its roots along only where our own lead to nothing, under the sequence that we had', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  store.replace({ ...identityOf(pki, DAY_MS), bundle: unwrap(createBundle('mesh.example', 7, [pki.root])) })
  rotation.start()
  signer.pki = makePki()
  rotation.renewNow()
  await clock.turn(1_000)
  assert.deepEqual(store.current?.bundle.roots[0]?.der, signer.pki.root.der)
  assert.equal(store.current?.bundle.sequence, 7)
})

test('without any roots there is nothing to ask for', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  rotation.start()
  await clock.turn(1_000)
  assert(store.replaceRoots(unwrap(createBundle('mesh.example', 2, []))).ok)
  await clock.turn(60_000)
  assert.equal(signer.askedMs.length, 1)
})

test('each trouble is told once, and again after a success', async () => {
  const { clock, signer, troubles, rotation } = setting(DAY_MS)
  using _rotation = rotation
  signer.mood = 'failing'
  rotation.start()
  await clock.turn(60_000)
  signer.mood = 'throwing'
  await clock.turn(60_000)
  assert.deepEqual(troubles, ['the control plane is away', 'socket hang up'])
  signer.mood = 'good'
  await clock.turn(60_000)
  signer.mood = 'throwing'
  await clock.turn(0.75 * DAY_MS)
  assert.deepEqual(troubles, ['the control plane is away', 'socket hang up', 'socket hang up'])
})

test('an identity from a file is renewed when it is due by its own dates', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  await clock.turn(0.4 * DAY_MS)
  store.replace(identityOf(pki, DAY_MS))
  rotation.start()
  await clock.turn(0.09 * DAY_MS)
  assert.equal(signer.askedMs.length, 0)
  await clock.turn(0.22 * DAY_MS)
  assert.equal(signer.askedMs.length, 1)
})

test('an identity from a file that is overdue is renewed within a tenth of what is left', async () => {
  const { clock, store, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  await clock.turn(0.9 * DAY_MS)
  store.replace(identityOf(pki, DAY_MS))
  rotation.start()
  await clock.turn(0.0101 * DAY_MS)
  assert.equal(signer.askedMs.length, 1)
})

test('a machine that slept through the renewal asks within a minute of waking', async () => {
  const { clock, signer, rotation } = setting(DAY_MS)
  using _rotation = rotation
  rotation.start()
  await clock.turn(1_000)
  clock.suspend(0.8 * DAY_MS)
  await clock.turn(60_000)
  assert.equal(signer.askedMs.length, 2)
})

test('a wall clock that is set back does not put off the renewal', async () => {
  const { clock, signer, rotation } = setting(10_000)
  using _rotation = rotation
  rotation.start()
  await clock.turn(100)
  clock.suspend(-60_000)
  await clock.turn(7_000)
  assert.equal(signer.askedMs.length, 2)
})

test('a disposed rotation leaves no timer and installs nothing', async () => {
  const { clock, store, signer, rotation } = setting(10_000)
  signer.mood = 'silent'
  rotation.start()
  await clock.turn(100)
  rotation[Symbol.dispose]()
  await clock.turn(100)
  assert.equal(clock.timerCount, 0)
  assert.equal(store.current, undefined)
})
