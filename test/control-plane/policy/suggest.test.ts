import assert from 'node:assert/strict'
import test from 'ava'
import { findNearest } from '../../../control-plane/policy/suggest.ts'

test('findNearest finds what was misspelt, swapped, shortened or written in another case', () => {
  const known = ['weight', 'name', 'backendRefs', 'HTTPRoute']
  assert.equal(findNearest('wieght', known), 'weight')
  assert.equal(findNearest('backendRef', known), 'backendRefs')
  assert.equal(findNearest('httproute', known), 'HTTPRoute')
  assert.equal(findNearest('nam', known), 'name')
})

test('findNearest finds nothing where nothing is near, or a name is too long to compare', () => {
  assert.equal(findNearest('selector', ['weight', 'name']), undefined)
  assert.equal(findNearest('ab', ['xy']), undefined)
  assert.equal(findNearest('a'.repeat(65), ['a'.repeat(65)]), undefined)
})
