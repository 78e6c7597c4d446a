import assert from 'node:assert/strict'
import { BlockList } from 'node:net'
import test from 'ava'
import { addCidr, parseResource } from '../../../sidecar/config/parse-resource.ts'
import { toLine } from '../../../sidecar/core/schema.ts'
import { authorization, endpoint, endpoints, policy, rule, service } from '../../support/resources.ts'

const linesOf = (value: unknown): string[] => {
  const parsed = parseResource(value)
  return parsed.ok ? [] : parsed.error.map(toLine)
}
const regex = { type: 'regex', value: '(a+)+$' } as const

test('what the builders build is valid', () => {
  for (const value of [service(), endpoints(['a']), authorization([policy('ALLOW', [{}])])])
    assert.deepEqual(linesOf(value), [])
})

test('a regular expression is refused wherever it stands, never matched by halves', () => {
  const places = [
    service({ routes: [rule({}, { path: regex })] }),
    service({ routes: [rule({}, { headers: [{ name: 'a', match: regex }] })] }),
    service({ routes: [rule({}, { query: [{ name: 'a', match: regex }] })] }),
    authorization([policy('DENY', [{ paths: [regex] }])]),
    authorization([policy('DENY', [{ hosts: [regex] }])]),
    authorization([policy('DENY', [{ headers: [{ name: 'a', match: regex }] }])]),
  ]
  for (const place of places) {
    const lines = linesOf(place)
    assert.equal(lines.length, 1)
    assert.match(
      lines[0] ?? '',
      /^(routes|policies)\[0\].*\.type: regular expressions are not supported yet \(got "\(a\+\)\+\$"\)$/,
    )
  }
})

test('a field from a newer control plane is refused, not overlooked', () => {
  const newer = { ...authorization([policy('DENY', [{}])]), unless: [] }
  assert.deepEqual(linesOf(newer), ['unless: is not a known field'])
})

test('all problems are told, not the first', () => {
  const value = service({ hostnames: ['Orders'], ports: [], routes: [] })
  assert.deepEqual(linesOf(value), [
    'ports: must have at least one port',
    'routes: must have at least one rule',
    'hostnames[0]: must be lower case (got "Orders")',
  ])
})

test('endpoints need distinct ids, and an identity for a mesh link', () => {
  const value = { ...endpoints([]), endpoints: [endpoint('a'), endpoint('a', { transport: 'mesh' })] }
  assert.deepEqual(linesOf(value), [
    'endpoints[1].id: must be unique (got "a")',
    'endpoints[1].identity: is required for transport "mesh"',
  ])
})

test('a network that is none is refused: a DENY of it would deny nobody', () => {
  const value = authorization([policy('DENY', [{ sources: [{ cidrs: ['10.0.0.0/8', '10.0.0.0/33'] }] }])])
  assert.deepEqual(linesOf(value), [
    'policies[0].rules[0].sources[0].cidrs[1]: must be an IP address or a CIDR (got "10.0.0.0/33")',
  ])
})

test('a kind that is not known is refused with those that are', () => {
  assert.match(linesOf({ kind: 'Gateway' })[0] ?? '', /^kind: must be Service, Endpoints, .* \(got "Gateway"\)$/)
})

test('addCidr takes addresses and networks of both families, and nothing else', () => {
  for (const good of ['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', 'fd00::/8', '::1'])
    assert.equal(addCidr(new BlockList(), good), true, good)
  for (const bad of ['', '10', '10.0.0.0/', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0.0/1e1', 'fd00::/129', 'shop']) {
    assert.equal(addCidr(new BlockList(), bad), false, bad)
  }
})

for (const [what, edit] of [
  ['a value with a line break', { name: 'x-a', value: 'b\r\nx-evil: 1' }],
  ['a value whose character would be cut down to a line break', { name: 'x-a', value: 'b\u010ax-evil: 1' }],
  ['a name with a colon', { name: 'x-a: 1\r\nx-b', value: 'b' }],
  ['a framing field', { name: 'transfer-encoding', value: 'chunked' }],
  ['a host', { name: 'host', value: 'evil' }],
] as const) {
  test(`a route that would write ${what} into a head is refused`, () => {
    const request = { set: [edit], add: [], remove: [] }
    assert.equal(parseResource(service({ routes: [rule({ filters: { request } })] })).ok, false)
  })
}

test('a rewritten path or host that would break the request line is refused', () => {
  for (const rewrite of [
    { path: { type: 'replace-full', value: '/a b' } },
    { path: { type: 'replace-prefix', value: '/a\r\n' } },
    { path: { type: 'replace-full', value: '/a?x=1#y' } },
    { hostname: 'a\r\nb' },
  ] as const) {
    assert.equal(parseResource(service({ routes: [rule({ filters: { rewrite } })] })).ok, false)
  }
})
