import assert from 'node:assert/strict'
import test from 'ava'
import { versionOf } from '../../../control-plane/compile/version-of.ts'

test('versionOf is the same for the same content, whatever the order of its keys', () => {
  assert.equal(versionOf({ a: 1, b: { c: [1, 2], d: undefined } }), versionOf({ b: { c: [1, 2] }, a: 1 }))
  assert.match(versionOf({}), /^[0-9a-f]{16}$/)
})

test('versionOf differs where content differs', () => {
  const versions = [{ a: 1 }, { a: '1' }, { a: [1] }, { a: [1, 2] }, { a: [2, 1] }, { b: 1 }, {}].map(versionOf)
  assert.equal(new Set(versions).size, versions.length)
})

test('versionOf stays what it was: replicas of two releases must agree', () => {
  assert.equal(versionOf({ kind: 'Trust', name: 'mesh.local', rootsPem: [], sequence: 0 }), '0d6f13ee5fee239b')
})
