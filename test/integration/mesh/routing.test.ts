import assert from 'node:assert/strict'
import test from 'ava'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'

const route = (rules: string, name = 'inventory'): string => `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: ${name}, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: inventory}]
  rules: ${rules}
`
const split = (percent: number): string =>
  route(`[{backendRefs: [{name: inventory-v1, port: 80, weight: ${100 - percent}},
                         {name: inventory-v2, port: 80, weight: ${percent}}]}]`)

const VERSIONS = {
  'inventory-v1': { serves: ['inventory', 'inventory-v1'] },
  'inventory-v2': { serves: ['inventory', 'inventory-v2'] },
}

/** Requests without pause until `stop`; what they were answered. */
function load(mesh: TestMesh, connections: number) {
  const answers: { status: number; by: string }[] = []
  const failures: string[] = []
  let isOn = true
  const loops = Array.from({ length: connections }, async () => {
    while (isOn) {
      try {
        const { status, headers } = await mesh.call('web', 'inventory', '/items')
        answers.push({ status, by: String(headers['x-workload']) })
      } catch (error) {
        failures.push(String(error))
      }
    }
  })
  const stop = async (): Promise<void> => {
    isOn = false
    await Promise.all(loops)
  }
  return { answers, failures, stop }
}

test('traffic moves from one version to the other, 0 to 10 to 100 percent, and no request fails', async () => {
  await using mesh = await startTestMesh({ services: VERSIONS, callers: ['web'], manifests: split(0) })
  const traffic = load(mesh, 4)
  const shareOfV2 = async (count: number): Promise<number> => {
    const from = traffic.answers.length
    while (traffic.answers.length < from + count) await new Promise((resolve) => setTimeout(resolve, 5))
    const some = traffic.answers.slice(from, from + count)
    return some.filter(({ by }) => by === 'inventory-v2').length / count
  }
  try {
    assert.equal(await shareOfV2(200), 0)
    await mesh.apply(split(10))
    const tenth = await shareOfV2(1_000)
    // 1,000 throws at 10 %: the standard deviation is 0.0095
    assert(tenth > 0.05 && tenth < 0.15, `${tenth} of the requests went to version 2`)
    await mesh.apply(split(100))
    const all = await shareOfV2(204)
    assert(all >= 200 / 204, `${all} of the requests went to version 2: only those under way may still go to version 1`)
  } finally {
    await traffic.stop()
  }
  assert.deepEqual(traffic.failures, [])
  assert.deepEqual([...new Set(traffic.answers.map(({ status }) => status))], [200])
})

test('a header chooses the version', async () => {
  const manifests =
    route(`[{matches: [{headers: [{name: X-Version, value: v2}]}], backendRefs: [{name: inventory-v2, port: 80}]},
                            {backendRefs: [{name: inventory-v1, port: 80}]}]`)
  await using mesh = await startTestMesh({ services: VERSIONS, callers: ['web'], manifests })
  const by = async (headers: Record<string, string>): Promise<string> =>
    String((await mesh.call('web', 'inventory', '/', { headers })).headers['x-workload'])
  assert.equal(await by({ 'x-version': 'v2' }), 'inventory-v2')
  assert.equal(await by({ 'x-version': 'v22' }), 'inventory-v1')
  assert.equal(await by({}), 'inventory-v1')
})

test('filters redirect, rewrite the path, and edit header fields both ways', async () => {
  const manifests = route(`
    - matches: [{path: {type: PathPrefix, value: /old}}]
      filters:
        - type: RequestRedirect
          requestRedirect: {scheme: https, hostname: shop.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}, statusCode: 301}
    - matches: [{path: {type: PathPrefix, value: /api}}]
      filters:
        - type: URLRewrite
          urlRewrite: {hostname: inner.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}
        - type: RequestHeaderModifier
          requestHeaderModifier: {set: [{name: X-Set, value: mesh}], add: [{name: x-add, value: more}], remove: [x-gone]}
        - type: ResponseHeaderModifier
          responseHeaderModifier: {set: [{name: x-answered, value: by-mesh}], remove: [x-workload]}
      backendRefs: [{name: inventory-v1, port: 80}]
    - backendRefs: [{name: inventory-v1, port: 80}]`)
  await using mesh = await startTestMesh({ services: VERSIONS, callers: ['web'], manifests })
  const redirected = await mesh.call('web', 'inventory', '/old/thing?q=1')
  assert.equal(redirected.status, 301)
  assert.equal(redirected.headers.location, 'https://shop.example/new/thing?q=1')

  const headers = { 'x-set': 'own', 'x-add': 'own', 'x-gone': 'here' }
  const edited = await mesh.call('web', 'inventory', '/api/items?q=1', { headers })
  const seen = JSON.parse(edited.text)
  assert.equal(seen.url, '/v1/items?q=1')
  assert.equal(seen.headers.host, 'inner.example')
  assert.equal(seen.headers['x-set'], 'mesh')
  assert.equal(seen.headers['x-add'], 'own, more')
  assert.equal(seen.headers['x-gone'], undefined)
  assert.equal(edited.headers['x-answered'], 'by-mesh')
  assert.equal(edited.headers['x-workload'], undefined)

  const untouched = await mesh.call('web', 'inventory', '/apis', { headers })
  assert.equal(JSON.parse(untouched.text).headers['x-set'], 'own')
})

test('a route to a service that does not exist is refused with its place, and nothing that came with it is applied', async () => {
  await using mesh = await startTestMesh({ services: VERSIONS, callers: ['web'], manifests: split(0) })
  const other = 'apiVersion: v1\nkind: Service\nmetadata: {name: extra, namespace: shop}\nspec: {ports: [{port: 80}]}\n'
  const both = `${other}---\n${route('[{backendRefs: [{name: inventory-v3, port: 80}]}]')}`
  const { status, body } = await mesh.api('PUT', '/v1/manifests', both)
  assert.equal(status, 422)
  const said = JSON.stringify(body)
  assert.match(said, /inventory-v3/)
  assert.match(said, /backendRefs/)
  assert.match(said, /inventory-v2/, 'it says which ones there are')
  const { body: listed } = await mesh.api('GET', '/v1/manifests?kind=Service')
  const names = (listed.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)
  assert(!names.includes('extra'))
  assert.equal((await mesh.call('web', 'inventory', '/')).headers['x-workload'], 'inventory-v1')
})
