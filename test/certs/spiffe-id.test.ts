import assert from 'node:assert/strict'
import test from 'ava'
import { assert as holds, property, string, stringMatching } from 'fast-check'
import { controlPlaneId, findWorkload, parseSpiffeId, trustDomainId, workloadId } from '../../certs/spiffe-id.ts'
import { unwrap } from './mesh-pki.ts'

const LONGEST = `spiffe://mesh.example/${'a'.repeat(2048 - 22)}`

const GOOD: readonly [string, string, string][] = [
  ['spiffe://mesh.example/ns/shop/sa/web', 'mesh.example', '/ns/shop/sa/web'],
  ['spiffe://a/b', 'a', '/b'],
  ['spiffe://mesh.example', 'mesh.example', ''],
  ['spiffe://a_b-c.1/...', 'a_b-c.1', '/...'],
  ['spiffe://1.2.3.4/Web', '1.2.3.4', '/Web'],
  [`spiffe://${'t'.repeat(255)}/x`, 't'.repeat(255), '/x'],
  [LONGEST, 'mesh.example', LONGEST.slice(21)],
]
for (const [text, trustDomain, path] of GOOD) {
  test(`parseSpiffeId reads ${text.slice(0, 60)} (${text.length} octets)`, () => {
    assert.deepEqual(unwrap(parseSpiffeId(text)), { trustDomain, path, text })
  })
}

test('parseSpiffeId takes scheme and trust domain in any case and keeps the case of the path', () => {
  const id = unwrap(parseSpiffeId('SPIFFE://Mesh.Example/ns/Shop/sa/Web'))
  assert.equal(id.text, 'spiffe://mesh.example/ns/Shop/sa/Web')
})

const BAD: readonly [string, RegExp][] = [
  ['', /begin with/],
  ['https://mesh.example/x', /begin with/],
  ['spiffe:/mesh.example/x', /begin with/],
  ['spiffe:mesh.example', /begin with/],
  [' spiffe://mesh.example/x', /begin with/],
  ['spiffe://', /empty/],
  ['spiffe:///x', /empty/],
  ['spiffe://user@mesh.example/x', /trust domain/],
  ['spiffe://mesh.example:8443/x', /trust domain/],
  ['spiffe://mesh%2eexample/x', /trust domain/],
  ['spiffe://mesh.exämple/x', /ASCII/],
  // the Kelvin sign is k in lower case
  ['spiffe://\u212a.example/x', /ASCII/],
  ['spiffe://[::1]/x', /trust domain/],
  ['spiffe://mesh.example?q', /trust domain/],
  [`spiffe://${'t'.repeat(256)}/x`, /longer than 255/],
  ['spiffe://mesh.example/', /empty segment/],
  ['spiffe://mesh.example//x', /empty segment/],
  ['spiffe://mesh.example/x/', /empty segment/],
  ['spiffe://mesh.example/./x', /"\."/],
  ['spiffe://mesh.example/x/..', /"\.\."/],
  ['spiffe://mesh.example/x?q=1', /characters/],
  ['spiffe://mesh.example/x#f', /characters/],
  ['spiffe://mesh.example/%61', /characters/],
  ['spiffe://mesh.example/a b', /characters/],
  ['spiffe://mesh.example/a\u0000', /ASCII/],
  ['spiffe://mesh.example/a\n', /ASCII/],
  [`${LONGEST}a`, /longer than 2048/],
]
for (const [text, problem] of BAD) {
  test(`parseSpiffeId refuses ${JSON.stringify(text).slice(0, 60)} (${text.length} characters)`, () => {
    const id = parseSpiffeId(text)
    assert(!id.ok)
    assert.match(id.error, problem)
  })
}

test('what parseSpiffeId reads, it reads again as the same', () => {
  const ids = stringMatching(/^[sS]piffe:\/\/[a-zA-Z0-9._-]{0,20}(\/[a-zA-Z0-9._%-]{0,8}){0,4}$/)
  holds(
    property(ids, (text) => {
      const id = parseSpiffeId(text)
      return !id.ok || unwrap(parseSpiffeId(id.value.text)).text === id.value.text
    }),
  )
  holds(property(string({ unit: 'binary' }), (text) => typeof parseSpiffeId(text).ok === 'boolean'))
})

test('workloadId and findWorkload are each the other backwards', () => {
  const id = unwrap(workloadId('mesh.example', 'shop', 'web.v1'))
  assert.deepEqual(findWorkload(id), { namespace: 'shop', serviceAccount: 'web.v1' })
  assert.equal(findWorkload(unwrap(trustDomainId('mesh.example'))), undefined)
  assert.equal(unwrap(controlPlaneId('m')).text, 'spiffe://m/ns/outrigger-system/sa/control-plane')
})

test('workloadId refuses names that would add segments', () => {
  assert(!workloadId('mesh.example', 'shop/sa/admin', 'x').ok)
  assert(!workloadId('mesh.example', 'shop', 'a/../b').ok)
  assert(!workloadId('mesh.example', '', 'web').ok)
  assert(!workloadId('mesh.example', '..', 'web').ok)
})
