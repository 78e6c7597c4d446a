import assert from 'node:assert/strict'
import test from 'ava'
import { parse, parseAllDocuments } from 'yaml'
import { call } from '../../integration/control-plane/fixture.ts'
import { CliMesh, linesOf } from './cli-mesh.ts'
import { documents, MESH_CONFIG, routeText, serviceText } from './manifests.ts'

const ALL = documents(serviceText('orders'), routeText('orders'), serviceText('stock'), MESH_CONFIG)
const ELSEWHERE = serviceText('orders').replace('shop', 'blog')

/** A mesh that holds these manifests. */
async function stocked(): Promise<CliMesh> {
  const text = documents(ALL, ELSEWHERE)
  const mesh = await CliMesh.start({ 'all.yaml': text })
  const { status } = await call(mesh.plane, 'PUT', '/v1/manifests', text)
  assert.equal(status, 200)
  return mesh
}

test.serial('get prints a table, of one kind or of all, of all namespaces or of one', async () => {
  await using mesh = await stocked()
  assert.deepEqual(await mesh.lines('get', 'all'), [
    'KIND         NAMESPACE   NAME     STATUS',
    'HTTPRoute    shop        orders   ok',
    'MeshConfig   -           mesh     ok',
    'Service      blog        orders   ok',
    'Service      shop        orders   ok',
    'Service      shop        stock    ok',
  ])
  assert.deepEqual(await mesh.lines('get', 'svc', '-n', 'blog'), [
    'KIND      NAMESPACE   NAME     STATUS',
    'Service   blog        orders   ok',
  ])
  assert.deepEqual(await mesh.lines('get', 'httproute', '-n', 'blog'), ['nothing found'])
})

test.serial('get takes any name of a kind', async () => {
  await using mesh = await stocked()
  for (const name of ['HTTPRoute', 'httproutes'])
    assert.deepEqual((await mesh.lines('get', name)).slice(1), ['HTTPRoute   shop        orders   ok'], name)
})

test.serial('get prints one by its name, or says that there is none', async () => {
  await using mesh = await stocked()
  assert.deepEqual(await mesh.lines('get', 'service', 'stock'), [
    'KIND      NAMESPACE   NAME    STATUS',
    'Service   shop        stock   ok',
  ])
  const { code, stdout, stderr } = await mesh.run(['get', 'httproute', 'nobody'])
  assert.deepEqual([code, stdout, stderr], [1, '', 'outrigger: there is no httproute called nobody\n'])
})

test.serial('get of a kind that there is not names those that there are, and the nearest', async () => {
  await using mesh = await CliMesh.start()
  const { code, stdout, stderr } = await mesh.run(['get', 'httprout'])
  assert.deepEqual([code, stdout], [64, ''])
  assert.match(
    stderr,
    /^outrigger: "httprout" is not a kind \(did you mean "httproutes"\?\); known: services, httproutes, /,
  )
})

test.serial('get -o yaml prints a document for each, with its status', async () => {
  await using mesh = await stocked()
  const { code, stdout } = await mesh.run(['get', 'all', '-o', 'yaml'])
  assert.equal(code, 0)
  const read = parseAllDocuments(stdout).map((document) => document.toJS())
  assert.deepEqual(
    read.map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`),
    ['HTTPRoute shop/orders', 'MeshConfig /mesh', 'Service blog/orders', 'Service shop/orders', 'Service shop/stock'],
  )
  assert.deepEqual(read[0].spec.rules, parse(routeText('orders')).spec.rules)
  assert.equal(read[0].status.conditions[0].type, 'Accepted')
})

test.serial('what get -o yaml prints can be applied again', async () => {
  await using mesh = await stocked()
  const { stdout } = await mesh.run(['get', 'all', '-n', 'shop', '-o', 'yaml'])
  assert.deepEqual(linesOf(await mesh.run(['apply', '-f', '-'], { input: stdout })), [
    'HTTPRoute shop/orders unchanged',
    'Service shop/orders unchanged',
    'Service shop/stock unchanged',
  ])
})

test.serial('what get -o yaml prints of a kind without namespaces can be applied again', async () => {
  await using mesh = await stocked()
  const { stdout } = await mesh.run(['get', 'meshconfig', '-o', 'yaml'])
  assert.deepEqual(linesOf(await mesh.run(['apply', '-f', '-'], { input: stdout })), ['MeshConfig mesh unchanged'])
})

test.serial('get -o json prints one list', async () => {
  await using mesh = await stocked()
  const list = async (...args: string[]) => JSON.parse((await mesh.lines('get', ...args, '-o', 'json')).join('\n'))
  const [route, ...others] = await list('httproute')
  assert.deepEqual(others, [])
  assert.equal(route.metadata.generation, 1)
  assert.deepEqual(route.spec.rules, parse(routeText('orders')).spec.rules)
  assert.deepEqual(await list('authorizationpolicies'), [])
})

test.serial('delete takes a kind and a name, or the files that were applied', async () => {
  await using mesh = await stocked()
  assert.deepEqual(await mesh.lines('delete', 'svc', 'stock', '-n', 'shop'), ['Service shop/stock deleted'])
  assert.deepEqual(await mesh.lines('delete', 'meshconfig', 'mesh'), ['MeshConfig mesh deleted'])
  assert.deepEqual(await mesh.lines('delete', '-f', 'all.yaml'), [
    'Service shop/orders deleted',
    'HTTPRoute shop/orders deleted',
    'Service shop/stock not-found',
    'MeshConfig mesh not-found',
    'Service blog/orders deleted',
  ])
  assert.deepEqual(await mesh.lines('get', 'all'), ['nothing found'])
})

test.serial(
  'delete of what is not there fails and names it; it looks in default, where no namespace is given',
  async () => {
    await using mesh = await stocked()
    for (const [args, sentence] of [
      [['svc', 'nobody', '-n', 'shop'], /there is no Service "nobody" in namespace "shop".*outrigger get service/],
      [['svc', 'orders'], /there is no Service "orders" in namespace "default"/],
    ] as const) {
      const { code, stdout, stderr } = await mesh.run(['delete', ...args])
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, sentence)
    }
    assert.equal((await mesh.lines('get', 'all')).length, 6)
  },
)

// The conditions that a route has for each parent are not looked at: it is "ok", and goes nowhere.
test.serial('get says of a route whose service was deleted that it is not well', async () => {
  await using mesh = await stocked()
  await mesh.lines('delete', 'svc', 'orders', '-n', 'shop')
  const [, line] = await mesh.lines('get', 'httproute', 'orders')
  assert.match(line ?? '', /shop\/orders does not exist/)
})
