import assert from 'node:assert/strict'
import test from 'ava'
import { listNames, quote } from '../../../sidecar/decide/describe.ts'
import { whyIdempotent } from '../../../sidecar/decide/idempotency.ts'
import { retry } from '../../support/resources.ts'
import { facts } from '../../support/worlds.ts'

test('a text of a peer is quoted, its controls escaped, and cut after 200 characters', () => {
  assert.equal(quote('a"b\r\nc\u001b'), '"a\\"b\\r\\nc\\u001b"')
  assert.equal(quote('x'.repeat(200)), `"${'x'.repeat(200)}"`)
  assert.equal(quote('x'.repeat(201)), `"${'x'.repeat(200)}…"`)
})

test('a list of names is cut at its limit and says how many more there are', () => {
  assert.equal(listNames([]), 'none')
  assert.equal(listNames(['a', 'b'], 2), 'a, b')
  assert.equal(listNames(['a', 'b', 'c', 'd'], 2), 'a, b and 2 more')
})

test('why a request may run twice is said by method, route or key, in this order', () => {
  const key = ['idempotency-key', '1']
  assert.match(whyIdempotent(facts({ fields: key }), retry({ idempotent: true })) ?? '', /method GET/)
  assert.match(whyIdempotent(facts({ method: 'POST', fields: key }), retry({ idempotent: true })) ?? '', /the route/)
  assert.match(whyIdempotent(facts({ method: 'POST', fields: key }), retry()) ?? '', /idempotency-key/)
  assert.equal(whyIdempotent(facts({ method: 'POST' }), retry()), undefined)
})
