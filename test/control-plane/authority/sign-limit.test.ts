import assert from 'node:assert/strict'
import test from 'ava'
import { SignLimit } from '../../../control-plane/authority/sign-limit.ts'

const taken = (limit: SignLimit, identity: string, asked: number, nowMs: number): number =>
  Array.from({ length: asked }, () => limit.take(identity, nowMs)).filter(Boolean).length

test('an identity has a burst of a hundred signatures, then twenty a second, and no more for having waited', () => {
  const limit = new SignLimit()
  assert.equal(taken(limit, 'web', 130, 0), 100)
  assert.equal(taken(limit, 'web', 130, 1_000), 20)
  assert.equal(taken(limit, 'web', 130, 1_049), 0)
  assert.equal(taken(limit, 'web', 130, 1_050), 1)
  assert.equal(taken(limit, 'web', 130, 3_600_000), 100)
})

test('ten thousand identities are counted, and of more the one that asked longest ago is forgotten', () => {
  const limit = new SignLimit()
  const fill = (count: number): void => {
    for (let i = 0; i < count; i++) limit.take(`other-${i}`, 0)
  }
  taken(limit, 'web', 100, 0)
  fill(9_999)
  assert.equal(taken(limit, 'web', 1, 0), 0)
  limit.take('one more', 0)
  assert.equal(taken(limit, 'web', 1, 0), 0, 'others asked longer ago')
  fill(10_000)
  assert.equal(taken(limit, 'web', 10, 0), 10)
})
