import assert from 'node:assert/strict'
import test from 'ava'
import { JoinTokens } from '../../../control-plane/authority/join-tokens.ts'
import { matchesName } from '../../../control-plane/authority/name-pattern.ts'
import { idOf, NOON, unwrap } from '../../certs/mesh-pki.ts'
import { SettlingClock } from '../../sidecar/mtls/settling-clock.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'

const WEB = idOf('spiffe://mesh.example/ns/shop/sa/web')
const HOUR_MS = 3_600_000
const PREFIX = 'outrigger/demo/join-tokens/'
const GRANT = { namespaces: ['shop'], serviceAccounts: ['web', 'order*'], expiresAtMs: NOON + HOUR_MS }

function setting() {
  const registry = new FakeRegistry()
  const clock = new SettlingClock(NOON)
  return { registry, clock, tokens: new JoinTokens(registry, PREFIX, clock) }
}

test('a join token lets its bearer have the identities that it names, and no others', async () => {
  const { tokens } = setting()
  const { text } = unwrap(await tokens.create(GRANT))
  assert((await tokens.verify(text, WEB)).ok)
  assert((await tokens.verify(text, idOf('spiffe://mesh.example/ns/shop/sa/orders'))).ok)
  for (const id of ['ns/shop/sa/admin', 'ns/bank/sa/web', 'web', 'ns/shop/sa/web/x']) {
    const verdict = await tokens.verify(text, idOf(`spiffe://mesh.example/${id}`))
    assert(!verdict.ok, id)
    assert.equal(verdict.error.kind, 'denied')
  }
})

test('a join token is worthless once it is over or revoked', async () => {
  const { clock, tokens } = setting()
  const token = unwrap(await tokens.create(GRANT))
  const other = unwrap(await tokens.create(GRANT))
  unwrap(await tokens.revoke(other.id))
  assert(!(await tokens.verify(other.text, WEB)).ok)
  await clock.turn(HOUR_MS - 1)
  assert((await tokens.verify(token.text, WEB)).ok)
  await clock.turn(1)
  assert(!(await tokens.verify(token.text, WEB)).ok)
})

test('a join token with any character changed is refused in the same words as an unknown one', async () => {
  const { tokens } = setting()
  const { text } = unwrap(await tokens.create(GRANT))
  const unknown = await tokens.verify(`outrigger-join.0123456789abcdef.${'A'.repeat(43)}`, WEB)
  assert(!unknown.ok)
  for (let at = 0; at < text.length; at++) {
    const changed = `${text.slice(0, at)}${text[at] === 'x' ? 'y' : 'x'}${text.slice(at + 1)}`
    assert.deepEqual(await tokens.verify(changed, WEB), unknown)
  }
  assert.deepEqual(await tokens.verify('', WEB), unknown)
})

test('a join token counts under its own name alone: a copy of it does not outlive it', async () => {
  const { registry, tokens } = setting()
  const { id, text } = unwrap(await tokens.create(GRANT))
  const kept = unwrap(await registry.get(PREFIX + id))?.value ?? Buffer.of()
  await registry.put(`${PREFIX}0123456789abcdef`, kept)
  assert((await tokens.verify(text, WEB)).ok)
  unwrap(await tokens.revoke(id))
  assert(!(await tokens.verify(text, WEB)).ok)
})

test('tokens that were over long ago leave the registry when others are made, sixty at a time', async () => {
  const { registry, clock, tokens } = setting()
  for (let i = 0; i < 70; i++) unwrap(await tokens.create(GRANT))
  const later = unwrap(await tokens.create({ ...GRANT, expiresAtMs: NOON + 2 * HOUR_MS }))
  const count = async (): Promise<number> => unwrap(await registry.list(PREFIX)).length
  clock.suspend(25 * HOUR_MS)
  unwrap(await tokens.create({ ...GRANT, expiresAtMs: NOON + 26 * HOUR_MS }))
  assert.equal(await count(), 72)
  clock.suspend(1)
  unwrap(await tokens.create({ ...GRANT, expiresAtMs: NOON + 26 * HOUR_MS }))
  assert.equal(await count(), 13)
  unwrap(await tokens.create({ ...GRANT, expiresAtMs: NOON + 26 * HOUR_MS }))
  assert.equal(await count(), 4)
  assert(unwrap(await registry.get(PREFIX + later.id)) !== undefined)
})

test('the registry never holds the secret of a join token', async () => {
  const { registry, tokens } = setting()
  const { text } = unwrap(await tokens.create(GRANT))
  const secret = text.split('.')[2] ?? ''
  for (const { value } of unwrap(await registry.list(''))) assert(!value.toString().includes(secret))
})

test('a join token goes on working while the registry is away, and one not seen before is unavailable and not denied', async () => {
  const { registry, clock, tokens } = setting()
  const { text } = unwrap(await tokens.create(GRANT))
  registry.isAway = true
  assert((await tokens.verify(text, WEB)).ok)
  using late = new JoinTokens(registry, PREFIX, clock)
  const verdict = await late.verify(text, WEB)
  assert(!verdict.ok)
  assert.equal(verdict.error.kind, 'unavailable')
})

test('a join token with a wrong pattern is not made', async () => {
  const { tokens } = setting()
  for (const namespaces of [[], ['*shop'], ['sh*p'], ['shop/x'], ['']]) {
    assert(!(await tokens.create({ ...GRANT, namespaces })).ok, JSON.stringify(namespaces))
  }
})

test('a dot in a pattern is a dot (CVE-2026-39350)', () => {
  assert(matchesName('a.b', 'a.b'))
  assert(!matchesName('a.b', 'axb'))
  assert(!matchesName('a.*', 'axb'))
  assert(matchesName('*', 'anything'))
})

const NAMES: readonly (readonly [string, string, boolean])[] = [
  ['shop', 'shop', true],
  ['shop', 'shop2', false],
  ['shop', 'my-shop', false],
  ['shop*', 'shop', true],
  ['shop*', 'shop2', true],
  ['shop*', 'my-shop', false],
  ['shop*', 'my-shop2', false],
]
test('a pattern means a whole name, or with a star its beginning, and never a part within', () => {
  for (const [pattern, name, isMatch] of NAMES) assert.equal(matchesName(pattern, name), isMatch, `${pattern} ${name}`)
})

test('a token that stands under the name of another is no token, also before the watch knows of it', async () => {
  const { registry, clock, tokens } = setting()
  const { id, text } = unwrap(await tokens.create(GRANT))
  const kept = unwrap(await registry.get(PREFIX + id))?.value ?? Buffer.of()
  unwrap(await tokens.revoke(id))
  registry.isAway = true
  using late = new JoinTokens(registry, PREFIX, clock)
  registry.isAway = false
  const forged = JSON.parse(kept.toString())
  await registry.put(PREFIX + id, Buffer.from(JSON.stringify({ ...forged, id: '0123456789abcdef' })))
  // a watch that tells nothing yet: the registry is asked for the token itself
  using unwatched = new JoinTokens(new UnwatchedRegistry(registry), PREFIX, clock)
  for (const checking of [late, unwatched]) assert(!(await checking.verify(text, WEB)).ok)
  await registry.put(PREFIX + id, kept)
  assert((await unwatched.verify(text, WEB)).ok)
})

/** What another registry has, without its watches; counts what it is asked, and answers when it is let. */
class UnwatchedRegistry extends FakeRegistry {
  readonly #behind: FakeRegistry
  readonly asked: string[] = []
  held: Promise<void> | undefined

  constructor(behind: FakeRegistry) {
    super()
    this.#behind = behind
  }

  override async get(key: string, options: { readonly consistent?: boolean } = {}): ReturnType<FakeRegistry['get']> {
    this.asked.push(`${key.slice(PREFIX.length)} ${options.consistent ?? false}`)
    await this.held
    return this.#behind.get(key)
  }
}

test('strangers with made-up tokens make the registry answer a few questions at a time, one for each id', async () => {
  const { registry, clock, tokens } = setting()
  const { id, text } = unwrap(await tokens.create(GRANT))
  const busy = new UnwatchedRegistry(registry)
  const answering = Promise.withResolvers<void>()
  busy.held = answering.promise
  using checking = new JoinTokens(busy, PREFIX, clock)
  const ids = Array.from({ length: 50 }, (_, i) => String(i).padStart(16, '0'))
  const good = [checking.verify(text, WEB), checking.verify(text, WEB)]
  const made = ids.map((one) => checking.verify(`outrigger-join.${one}.${'A'.repeat(43)}`, WEB))
  assert.deepEqual(busy.asked, [`${id} true`, ...ids.slice(0, 3).map((one) => `${one} true`)])
  answering.resolve()
  assert.deepEqual(
    (await Promise.all(good)).map(({ ok }) => ok),
    [true, true],
  )
  const kinds = (await Promise.all(made)).map((verdict) => (verdict.ok ? 'allowed' : verdict.error.kind))
  assert.deepEqual(
    [kinds.slice(0, 3), new Set(kinds.slice(3))],
    [['denied', 'denied', 'denied'], new Set(['unavailable'])],
  )
  // what was answered makes room
  assert.equal((await checking.verify(`outrigger-join.${ids[9]}.${'A'.repeat(43)}`, WEB)).ok, false)
  assert.equal(busy.asked.at(-1), `${ids[9]} true`)
})
