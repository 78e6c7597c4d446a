import assert from 'node:assert/strict'
import test from 'ava'
import { CliMesh, linesOf } from './cli-mesh.ts'
import { documents, MESH_CONFIG, routeText, serviceText } from './manifests.ts'

test.serial('apply says of each manifest whether it was created, changed or the same', async () => {
  await using mesh = await CliMesh.start({ 'orders.yaml': documents(serviceText('orders'), routeText('orders')) })
  assert.deepEqual(await mesh.lines('apply', '-f', 'orders.yaml'), [
    'Service shop/orders created',
    'HTTPRoute shop/orders created',
  ])
  await mesh.write(
    'orders.yaml',
    documents(serviceText('orders', 8_080), routeText('orders')).replace('port: 80 }] }]', 'port: 8080 }] }]'),
  )
  assert.deepEqual(await mesh.lines('apply', '-f', 'orders.yaml'), [
    'Service shop/orders configured',
    'HTTPRoute shop/orders configured',
  ])
  assert.deepEqual(await mesh.lines('apply', '-f', 'orders.yaml'), [
    'Service shop/orders unchanged',
    'HTTPRoute shop/orders unchanged',
  ])
})

test.serial('apply takes several files as one: repeated, or separated by commas', async () => {
  await using mesh = await CliMesh.start({
    'route.yaml': routeText('orders'),
    'service.yaml': serviceText('orders'),
    'mesh.yaml': MESH_CONFIG,
  })
  // the route is good only together with its service, which comes after it
  assert.deepEqual(await mesh.lines('apply', '-f', 'route.yaml', '-f', 'service.yaml,mesh.yaml'), [
    'HTTPRoute shop/orders created',
    'Service shop/orders created',
    'MeshConfig mesh created',
  ])
})

test.serial('apply takes the manifests of a folder, by name, and nothing else of it', async () => {
  await using mesh = await CliMesh.start({
    'mesh/b.yml': serviceText('b'),
    'mesh/a.yaml': serviceText('a'),
    'mesh/c.json': JSON.stringify({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'c', namespace: 'shop' },
      spec: { ports: [{ port: 80 }] },
    }),
    'mesh/README.md': 'not a manifest',
    'mesh/old.yaml.bak': 'not: one',
    'mesh/below/d.yaml': serviceText('d'),
  })
  assert.deepEqual(await mesh.lines('apply', '-f', 'mesh'), [
    'Service shop/a created',
    'Service shop/b created',
    'Service shop/c created',
  ])
})

test.serial('apply reads standard input for -, and names it so when there is something wrong', async () => {
  await using mesh = await CliMesh.start({ 'route.yaml': routeText('orders') })
  const good = await mesh.run(['apply', '-f', '-', '-f', 'route.yaml'], { input: serviceText('orders') })
  assert.deepEqual(linesOf(good), ['Service shop/orders created', 'HTTPRoute shop/orders created'])
  const bad = await mesh.run(['apply', '-f', '-'], { input: serviceText('orders', 99_999) })
  assert.equal(bad.code, 1)
  assert.match(bad.stderr, /^outrigger: one problem, nothing was changed\n\(standard input\):4 /)
  assert.equal(bad.stdout, '')
})

test.serial('apply puts manifests that name no namespace into the one given, or into default', async () => {
  await using mesh = await CliMesh.start({ 'orders.yaml': serviceText('orders').replace(', namespace: shop', '') })
  assert.deepEqual(await mesh.lines('apply', '-f', 'orders.yaml', '-n', 'shop'), ['Service shop/orders created'])
  assert.deepEqual(await mesh.lines('apply', '-f', 'orders.yaml'), ['Service default/orders created'])
  const { stdout } = await mesh.run(['apply', '-f', 'orders.yaml'], { env: { OUTRIGGER_NAMESPACE: 'blog' } })
  assert.equal(stdout, 'Service blog/orders created\n')
})

test.serial('apply of files that are not there, or folders without manifests, changes nothing', async () => {
  await using mesh = await CliMesh.start({ 'orders.yaml': serviceText('orders'), 'empty/README.md': '' })
  for (const [path, sentence] of [
    ['missing.yaml', 'Cannot read missing.yaml: ENOENT; name a file, a folder or - with -f'],
    ['empty', 'no manifests in empty; wanted files that end in .yaml, .yml or .json'],
  ] as const) {
    const others = path === 'empty' ? [] : ['-f', 'orders.yaml']
    const { code, stdout, stderr } = await mesh.run(['apply', ...others, '-f', path])
    assert.deepEqual([code, stdout, stderr], [66, '', `outrigger: ${sentence}\n`])
  }
  assert.deepEqual(await mesh.lines('get', 'all'), ['nothing found'])
})

test.serial('validate checks against the mesh and leaves nothing behind', async () => {
  await using mesh = await CliMesh.start({
    'service.yaml': serviceText('orders'),
    'route.yaml': routeText('orders'),
    'both.yaml': documents(serviceText('stock'), routeText('stock')),
  })
  await mesh.lines('apply', '-f', 'service.yaml')
  assert.deepEqual(await mesh.lines('validate', '-f', 'route.yaml'), ['1 manifest is valid'])
  assert.deepEqual(await mesh.lines('validate', '-f', 'both.yaml'), ['2 manifests are valid'])
  assert.deepEqual(await mesh.lines('get', 'all'), [
    'KIND      NAMESPACE   NAME     STATUS',
    'Service   shop        orders   ok',
  ])
})

test.serial('validate --offline asks nobody: what the files do not declare is missing', async () => {
  await using mesh = await CliMesh.start({
    'service.yaml': serviceText('orders'),
    'route.yaml': routeText('orders'),
  })
  const env = { OUTRIGGER_API: 'http://127.0.0.1:1' }
  const good = await mesh.run(['validate', '--offline', '-f', 'service.yaml', '-f', 'route.yaml'], { env })
  assert.deepEqual(linesOf(good), ['2 manifests are valid'])
  const bad = await mesh.run(['validate', '--offline', '-f', 'route.yaml'], { env })
  assert.equal(bad.code, 1)
  assert.match(bad.stderr, /route\.yaml:\d+ .*orders/)
})
