import assert from 'node:assert/strict'
import test from 'ava'
import fc from 'fast-check'
import { matchPath } from '../../../control-plane/api/api-server.ts'
import { JoinTokens } from '../../../control-plane/authority/join-tokens.ts'
import { FakeRegistry } from '../../support/fake-registry.ts'
import { TurnedClock } from '../../support/turned-clock.ts'

test('revoking deletes a token, once, and never another key', async () => {
  const registry = new FakeRegistry()
  await registry.put('mesh/authority/state', Buffer.from('precious'))
  await registry.put('mesh/join-tokens/other', Buffer.from('not a token'))
  using tokens = new JoinTokens(registry, 'mesh/join-tokens/', new TurnedClock())
  const made = await tokens.create({ namespaces: ['shop'], serviceAccounts: ['*'], expiresAtMs: 1 })
  assert.ok(made.ok)
  for (const id of [
    '../authority/state',
    'other',
    '',
    '.',
    `${made.value.id}/`,
    made.value.id.toUpperCase().slice(1),
  ]) {
    assert.deepEqual(await tokens.revoke(id), { ok: true, value: false }, id)
  }
  const kept = await registry.list('mesh/')
  assert.equal(kept.ok && kept.value.length, 3)
  assert.deepEqual(await tokens.revoke(made.value.id), { ok: true, value: true })
  assert.deepEqual(await tokens.revoke(made.value.id), { ok: true, value: false })
  registry.isAway = true
  const away = await tokens.revoke(made.value.id)
  assert.match(away.ok ? 'revoked' : away.error, /^Cannot revoke the join token/)
})

test('an open segment of a path is a name: what was escaped in it can not make another path of it', () => {
  const segment = fc
    .array(fc.constantFrom('a', 'Z', '0', '.', '-', '_', '%2f', '%2F', '%5c', '%00', '%0a', '%25', '%', ' '))
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(segment, (text) => {
      const params = matchPath('/v1/tokens/:id', `/v1/tokens/${text}`)
      if (params !== undefined) assert.match(params['id'] ?? '', /^[A-Za-z0-9][A-Za-z0-9._-]*$/)
      if (/^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(text)) assert.deepEqual(params, { id: text })
    }),
    { numRuns: 2_000, seed: 8 },
  )
})
