import assert from 'node:assert/strict'
import test from 'ava'
import { formatProblem } from '../../../control-plane/policy/format-problem.ts'
import { findSource } from '../../../control-plane/policy/manifest-source.ts'
import { parseManifests } from '../../../control-plane/policy/parse-manifests.ts'

/** The problems of a text, each as its paragraph, without the file's name. */
function problemsOf(text: string): string[] {
  const parsed = parseManifests(text, 'm.yaml', 'shop')
  return parsed.ok ? [] : parsed.error.map((problem) => formatProblem(problem).replace(/^m\.yaml/, ''))
}

const service = (name: string, rest = '') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec:\n  ports: [{ port: 80 }]\n${rest}`
const route = (spec: string) =>
  `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: r }\nspec:\n  parentRefs: [{ kind: Service, name: orders }]\n${spec}`
const policy = (kind: string, spec: string, name = 'p') =>
  `apiVersion: outrigger.dev/v1alpha1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec: ${spec}\n`

const KNOWN_KINDS = 'Service, HTTPRoute, AuthorizationPolicy, PeerAuthentication, TrafficPolicy or MeshConfig'

// biome-ignore format: a table keeps its columns
const PROBLEMS: readonly (readonly [about: string, text: string, problems: readonly string[]])[] = [
  ['a syntax error', 'kind: [', [':1 (document 1): the document is not valid YAML at column 8: Flow sequence in block collection must be sufficiently indented and end with a ].']],
  ['a tab as indentation', 'kind:\n\tname: a', [':2 (document 1): the document is not valid YAML at column 1: Tabs are not allowed as indentation.']],
  ['a list as document', '- a', [':1 (document 1): the document is not a manifest; found a list, ["a"]; allowed: a mapping with apiVersion, kind, metadata and spec.']],
  ['text as document', 'hello', [':1 (document 1): the document is not a manifest; found "hello"; allowed: a mapping with apiVersion, kind, metadata and spec.']],
  ['a missing kind', 'a: 1', [`:1 (document 1): kind is missing; allowed: ${KNOWN_KINDS}.`]],
  ['an unknown kind, with a near one', 'kind: HttpRoute', [`:1 (document 1, HttpRoute): kind is not a known kind (did you mean "HTTPRoute"?); found "HttpRoute"; allowed: ${KNOWN_KINDS}.`]],
  ['an unknown kind, with none near', 'kind: Deployment', [`:1 (document 1, Deployment): kind is not a known kind; found "Deployment"; allowed: ${KNOWN_KINDS}.`]],
  ['a kind that only objects have', 'kind: constructor', [`:1 (document 1, constructor): kind is not a known kind; found "constructor"; allowed: ${KNOWN_KINDS}.`]],
  ['another version', 'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy', [':1 (document 1, AuthorizationPolicy): apiVersion is not the version of AuthorizationPolicy; found "security.istio.io/v1"; allowed: "outrigger.dev/v1alpha1".']],
  ['a missing name', 'apiVersion: v1\nkind: Service\nmetadata: {}\nspec: { ports: [{ port: 80 }] }', [':3 (document 1, Service): metadata.name is missing; allowed: lower-case letters, digits and "-", beginning and ending with a letter or digit, at most 63.']],
  ['a bad name', service('Bad_Name'), [':3 (document 1, Service Bad_Name): metadata.name has a value that is not allowed; found "Bad_Name"; allowed: lower-case letters, digits and "-", beginning and ending with a letter or digit, at most 63.']],
  ['an unknown field, with a near one', route('  rules:\n  - backendRefs:\n    - { name: a, port: 80, wieght: 1 }'), [':8 (document 1, HTTPRoute r): spec.rules[0].backendRefs[0].wieght is not a known field (did you mean "weight"?); allowed: group, kind, name, namespace, port, weight.']],
  ['a wrong type', route('  rules:\n  - backendRefs:\n    - { name: a, port: "80" }'), [':8 (document 1, HTTPRoute r): spec.rules[0].backendRefs[0].port has the wrong type; found "80"; allowed: an integer from 1 to 65535.']],
  ['a weight of -1', route('  rules:\n  - backendRefs:\n    - name: a\n      port: 80\n      weight: -1'), [':10 (document 1, HTTPRoute r): spec.rules[0].backendRefs[0].weight has a value that is not allowed; found -1; allowed: an integer from 0 to 1000000.']],
  ['a duration of Go', route('  rules:\n  - timeouts: { request: 1.5s }'), [':7 (document 1, HTTPRoute r): spec.rules[0].timeouts.request has a value that is not allowed; found "1.5s"; allowed: a duration such as "500ms", "15s" or "1m30s" (GEP-2257).']],
  ['a header value with a line break', route('  rules:\n  - filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: "b\\r\\nc" }] } }]'), [':7 (document 1, HTTPRoute r): spec.rules[0].filters[0].requestHeaderModifier.set[0].value has a value that is not allowed; found "b\\r\\nc"; allowed: the value of a header field, without line breaks or other control characters.']],
  ['an anchor and its alias', 'a: &x [1]\nb: *x', [':1 (document 1): a has an anchor; found &x; allowed: values without anchors and aliases.', ':2 (document 1): b is an alias; found *x; allowed: the value itself, written out.']],
  ['a custom tag', 'a: !ruby/object x', [':1 (document 1): a has a tag; found !ruby/object; allowed: values without tags.']],
  ['a key twice', 'a: 1\nb: 1\na: 2', [':3 (document 1): a appears twice; allowed: each key once.']],
  ['the key __proto__', service('a', 'x: {}\n').replace('{ name: a }', '{ name: a, labels: { __proto__: b } }'), [':3 (document 1): metadata.labels.__proto__ is a name that no manifest may use.']],
  ['a key that is a number', '1: a', [':1 (document 1): the document has a key that is not text; found 1; allowed: text as keys, quoted where needed.']],
  ['two documents with one name', `${service('a')}---\n${service('b')}---\n${service('a')}`, [':15 (document 3, Service shop/a): metadata.name names a manifest that stands in this file already (first in document 1, line 3); found "a"; allowed: one document for each kind, namespace and name.']],
  ['mirroring', route('  rules:\n  - filters: [{ type: RequestMirror, requestMirror: { backendRef: {} } }]'), [':7 (document 1, HTTPRoute r): spec.rules[0].filters[0].type is not supported yet: mirroring of requests; found "RequestMirror".', ':7 (document 1, HTTPRoute r): spec.rules[0].filters[0].requestMirror is not supported yet: mirroring of requests.']],
  ['CORS', route('  rules:\n  - filters: [{ type: CORS }]'), [':7 (document 1, HTTPRoute r): spec.rules[0].filters[0].type is not supported yet: the CORS filter; found "CORS".']],
  ['ExtensionRef', route('  rules:\n  - filters: [{ type: ExtensionRef }]'), [':7 (document 1, HTTPRoute r): spec.rules[0].filters[0].type is not supported yet: filters by ExtensionRef; found "ExtensionRef".']],
  ['a regular expression', route('  rules:\n  - matches: [{ path: { type: RegularExpression, value: /a } }]'), [':7 (document 1, HTTPRoute r): spec.rules[0].matches[0].path.type is not supported yet: matching by regular expression; found "RegularExpression".']],
  ['session persistence', route('  rules:\n  - sessionPersistence: {}'), [':7 (document 1, HTTPRoute r): spec.rules[0].sessionPersistence is not supported yet: session persistence.']],
  ['hostnames', route('  hostnames: [a.example]'), [':6 (document 1, HTTPRoute r): spec.hostnames is not supported yet: hostnames of routes; in a mesh the parent Service says which hosts are meant.']],
  ['a gateway as parent', route('').replace('kind: Service', 'kind: Gateway'), [':5 (document 1, HTTPRoute r): spec.parentRefs[0].kind is not supported yet: gateways as parents; a route of the mesh has a Service as parent; found "Gateway".']],
  ['a path that no request has', route('  rules:\n  - matches: [{ path: { value: /a/../b } }, { path: { value: /a/..b } }]'), [':7 (document 1, HTTPRoute r): spec.rules[0].matches[0].path.value holds "/..", which no request has any more when it is compared; found "/a/../b"; allowed: "/b", which is what such a request becomes.']],
  ['a try longer than the whole', route('  rules:\n  - timeouts: { request: 1s, backendRequest: 2s }'), [':7 (document 1, HTTPRoute r): spec.rules[0].timeouts.backendRequest is longer than timeouts.request, which bounds all tries together; found "2s"; allowed: at most 1s.']],
  ['a filter without its settings', route('  rules:\n  - filters: [{ type: URLRewrite }]'), [':7 (document 1, HTTPRoute r): spec.rules[0].filters[0].urlRewrite is missing in a URLRewrite filter.']],
  ['a redirect that forwards', route('  rules:\n  - filters: [{ type: RequestRedirect, requestRedirect: {} }]\n    backendRefs: [{ name: a, port: 80 }]'), [':8 (document 1, HTTPRoute r): spec.rules[0].backendRefs stands beside a RequestRedirect filter, which never forwards.']],
  ['a prefix to replace where none is', route('  rules:\n  - matches: [{ path: { type: Exact, value: /a } }]\n    filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /b } } }]'), [':8 (document 1, HTTPRoute r): spec.rules[0].filters[0].urlRewrite.path.type is ReplacePrefixMatch in a rule without a prefix to replace; allowed: only where all matches of the rule are PathPrefix matches.']],
  ['a range that is none', policy('AuthorizationPolicy', '{ rules: [{ sources: [{ type: CIDR, cidr: 10.0.0.0/33 }] }] }'), [':4 (document 1, AuthorizationPolicy p): spec.rules[0].sources[0].cidr has a value that is not allowed; found "10.0.0.0/33"; allowed: an address range such as "10.0.0.0/8".']],
  ['a source of two minds', policy('AuthorizationPolicy', '{ rules: [{ sources: [{ type: Namespace, spiffe: "spiffe://a/b" }] }] }'), [':4 (document 1, AuthorizationPolicy p): spec.rules[0].sources[0].namespace is missing for type Namespace.', ':4 (document 1, AuthorizationPolicy p): spec.rules[0].sources[0].spiffe does not belong to type Namespace; allowed: namespace.']],
  ['an answer later than the whole', policy('TrafficPolicy', '{ targetRefs: [{ kind: Service, name: a }], timeouts: { request: 1s, response: 2s } }'), [':4 (document 1, TrafficPolicy p): spec.timeouts.response is longer than request; found "2s"; allowed: at most 1s.']],
  ['balancing for a route', policy('TrafficPolicy', '{ targetRefs: [{ kind: HTTPRoute, name: a }], loadBalancer: { type: Random } }'), [':4 (document 1, TrafficPolicy p): spec.loadBalancer cannot be set for an HTTPRoute; allowed: timeouts and retry, or a Service as target.']],
  ['bounds the wrong way round', policy('TrafficPolicy', '{ targetRefs: [{ kind: Service, name: a }], retry: { backoff: { base: 1s, max: 10ms } } }'), [':4 (document 1, TrafficPolicy p): spec.retry.backoff.base is longer than max; found "1s"; allowed: at most 10ms.']],
  ['a second MeshConfig', policy('MeshConfig', '{}', 'other'), [':3 (document 1, MeshConfig other): metadata.name is not the name of the one MeshConfig; found "other"; allowed: "mesh".']],
  ['a namespace of a MeshConfig', policy('MeshConfig', '{}', 'mesh, namespace: shop'), [':3 (document 1, MeshConfig shop/mesh): metadata.namespace does not belong to MeshConfig, which concerns the whole mesh; found "shop".']],
  ['a port twice', service('a').replace('[{ port: 80 }]', '[{ name: a, port: 80 }, { port: 80 }]'), [':5 (document 1, Service a): spec.ports[1].port appears twice; found 80.', ':5 (document 1, Service a): spec.ports[1].name is missing; allowed: a name for each port of several.']],
  ['null for a mapping', 'apiVersion: v1\nkind: Service\nmetadata:\nspec: { ports: [{ port: 80 }] }', [':3 (document 1, Service): metadata has the wrong type; found nothing (null); allowed: a mapping with the fields name, namespace, labels, annotations, creationTimestamp, generation.']],
]

for (const [about, text, problems] of PROBLEMS) {
  test(`parseManifests explains ${about}`, () => assert.deepEqual(problemsOf(text), problems))
}

test('parseManifests reports the problems of all documents and gives no manifest', () => {
  const lines = problemsOf(`${service('a')}---\nkind: Nothing\n---\na: [\n---\n${route('  rules: 3\n  extra: 1')}`)
  assert.deepEqual(
    lines.map((line) => line.slice(0, line.indexOf(')') + 1)),
    [':7 (document 2, Nothing)', ':10 (document 3)', ':16 (document 4, HTTPRoute r)', ':17 (document 4, HTTPRoute r)'],
  )
})

test('parseManifests reports more problems than the schema library does by default', () => {
  const refs = Array.from({ length: 16 }, () => '{ name: a, port: 80, weight: -1 }').join(', ')
  assert.equal(problemsOf(route(`  rules: [{ backendRefs: [${refs}] }]`)).length, 16)
})

test('parseManifests refuses a manifest of 1 MB with both sizes and does not parse it', () => {
  const comment = `# ${'x'.repeat(1024)}\n`.repeat(1024)
  assert.deepEqual(problemsOf(`${service('a')}---\n${comment}${service('b')}`), [
    ':6 (document 2): the document is too large; found 1051733 bytes (1028 KiB); allowed: at most 524288 bytes (512 KiB).',
  ])
})

test('parseManifests takes a file of several manifests that are over the limit only together', () => {
  const comment = `# ${'x'.repeat(1024)}\n`.repeat(300)
  const parsed = parseManifests(`${service('a')}${comment}---\n${service('b')}${comment}`, 'm.yaml')
  assert(parsed.ok && parsed.value.length === 2)
})

test('parseManifests answers for nesting that would exhaust the stack', () => {
  for (const text of ['['.repeat(100_000), `${'{a: '.repeat(20_000)}`, `a: ${'['.repeat(70)}${']'.repeat(70)}`]) {
    assert.match(problemsOf(text)[0] ?? '', /nested too deep/)
  }
})

test('parseManifests answers soon for a mapping of 30,000 keys, which costs the parser itself seconds', () => {
  const keys = Array.from({ length: 30_000 }, (_, i) => `k${i}: v`).join('\n')
  assert.match(problemsOf(keys)[0] ?? '', /kind is missing/)
})

test('parseManifests does not expand aliases', () => {
  const levels = Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`).join('\n')
  assert.match(problemsOf(`a0: &a0 x\n${levels}`)[0] ?? '', /has an anchor/)
})

test('parseManifests leaves Object.prototype alone', () => {
  problemsOf('{"kind": "Service", "__proto__": {"polluted": true}, "metadata": {"__proto__": {"polluted": true}}}')
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
})

test('parseManifests skips empty documents, a byte order mark and carriage returns', () => {
  const parsed = parseManifests(`\uFEFF---\n# nothing\n---\n${service('a')}---\n`.replaceAll('\n', '\r\n'), 'm.yaml')
  assert(parsed.ok)
  assert.deepEqual(
    parsed.value.map(({ metadata }) => metadata),
    [{ name: 'a', namespace: 'default' }],
  )
})

test('parseManifests reads JSON, keeps words of YAML 1.1 as text, and drops what Kubernetes adds', () => {
  const json = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'b', uid: 'x', managedFields: [{}], labels: { on: 'yes' }, generation: 3 },
    spec: { ports: [{ port: 80 }] },
    status: { loadBalancer: {} },
  })
  const parsed = parseManifests(json, 'm.json', 'shop')
  assert(parsed.ok)
  assert.deepEqual(parsed.value, [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'a', namespace: 'b', labels: { on: 'yes' }, generation: 3 },
      spec: { ports: [{ port: 80 }] },
    },
  ])
  assert(parseManifests(service('a').replace('name: a', 'name: a, labels: { a: no }'), 'm.yaml').ok)
})

test('parseManifests remembers where a manifest stands, and says so beside it only', () => {
  const parsed = parseManifests(`---\n${service('a')}---\n${service('b')}`, 'm.yaml')
  assert(parsed.ok)
  const [, second] = parsed.value
  assert(second !== undefined)
  const source = findSource(second)
  assert.equal(source?.document, 2)
  assert.equal(source?.lineOf(['spec', 'ports', 0, 'port']), 12)
  assert.doesNotMatch(JSON.stringify(second), /m\.yaml/)
})

test('parseManifests gives a MeshConfig no namespace', () => {
  const parsed = parseManifests(policy('MeshConfig', '{}', 'mesh'), 'm.yaml')
  assert(parsed.ok)
  assert.equal(parsed.value[0]?.metadata.namespace, '')
})

test('parseManifests refuses any number of unknown fields', () => {
  for (const count of [1, 255, 256, 257, 5_000]) {
    const fields = Array.from({ length: count }, (_, i) => `x${i}: 1`).join(', ')
    assert.equal(problemsOf(route(`  rules: [{ ${fields} }]`)).length, Math.min(count, 256), `${count}`)
  }
})

test('parseManifests names at most 256 problems and says that there are more', () => {
  const lines = problemsOf('---\na\n'.repeat(1_000))
  assert.equal(lines.length, 257)
  assert.equal(lines.at(-1), ': the document has more problems than the 256 that are named here.')
})

test('a file of more documents than anybody writes is refused before it is read', () => {
  const parsed = parseManifests('---\n'.repeat(100_000), 'many.yaml')
  assert(!parsed.ok)
  assert.deepEqual(parsed.error.map(formatProblem), [
    'many.yaml: the document is one of too many; found 100000 documents; allowed: at most 2000 in one file.',
  ])
})
