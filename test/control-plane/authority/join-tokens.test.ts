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
