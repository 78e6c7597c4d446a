import assert from 'node:assert/strict'
import { connect } from 'node:net'
import test from 'ava'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'

const policy = (name: string, action: string, rules: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
  action: ${action}
  rules: ${rules}
`
const NOT_ADMIN = policy('no-admin', 'DENY', '[{http: {paths: [{type: PathPrefix, value: /admin}]}}]')
const NOT_WEB = policy('no-web', 'DENY', '[{sources: [{type: ServiceAccount, serviceAccount: {name: web}}]}]')
const ONLY_READ = policy(
  'readers',
  'ALLOW',
  '[{sources: [{type: ServiceAccount, serviceAccount: {name: batch}}], http: {methods: [GET]}}]',
)

/** The status of a request whose target no client library would send as it is. */
function statusOfTarget(mesh: TestMesh, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(mesh.workload('web').portFor('orders'), '127.0.0.1', () =>
      socket.write(`GET ${target} HTTP/1.1\r\nhost: orders\r\nconnection: close\r\n\r\n`, 'latin1'),
    )
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text.slice(9, 12)))
  })
}

test('a denied path is answered 403 with the policy that denies it, also when it is written in another way', async () => {
  let served: string[] = []
  await using mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        served.push(request.url ?? '')
        response.end('served')
      },
    },
    callers: ['web'],
    manifests: NOT_ADMIN,
  })
  const { status, headers, text } = await mesh.call('web', 'orders', '/admin/users')
  assert.equal(status, 403)
  assert.equal(headers['x-outrigger-error'], 'denied')
  assert.match(text, /AuthorizationPolicy shop\/no-admin rule 0/)
  assert.match(text, /spiffe:\/\/mesh\.test\/ns\/shop\/sa\/web/)
  assert.deepEqual(served, [])

  for (const target of [
    '/admin',
    '/admin?x=1',
    '/admin/',
    '//admin/users',
    '/%61dmin/users',
    '/%61%64%6d%69%6E',
    '/./admin',
    '/x/../admin',
    '/x/%2e%2e/admin',
    '/items/..//admin',
    'http://orders/admin',
    'http://orders//%61dmin',
  ]) {
    assert.equal(await statusOfTarget(mesh, target), '403', target)
  }
  for (const target of ['/\\admin', '/%00/admin', '/%zz/admin', '/admin#x']) {
    assert.equal(await statusOfTarget(mesh, target), '400', target)
  }
  assert.deepEqual(served, [], 'nothing of all this reached the application')
  served = []
  assert.equal(await statusOfTarget(mesh, '/administrator'), '200')
  assert.equal(await statusOfTarget(mesh, '/x/admin'), '200')
  assert.deepEqual(served, ['/administrator', '/x/admin'], 'the application gets what was decided about')
})

test('a caller that is denied gets 403, another is served, and a changed policy counts for the next request', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web', 'batch'] })
  assert.equal((await mesh.call('web', 'orders', '/')).status, 200)
  await mesh.apply(NOT_WEB)
  const denied = await mesh.call('web', 'orders', '/')
  assert.deepEqual([denied.status, denied.headers['x-outrigger-error']], [403, 'denied'])
  assert.match(denied.text, /shop\/no-web/)
  assert.equal((await mesh.call('batch', 'orders', '/')).status, 200)
  await mesh.delete(NOT_WEB)
  assert.equal((await mesh.call('web', 'orders', '/')).status, 200)
})

test('as soon as one ALLOW policy is there, what none allows is denied', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web', 'batch'], manifests: ONLY_READ })
  assert.equal((await mesh.call('batch', 'orders', '/')).status, 200)
  const other = await mesh.call('web', 'orders', '/')
  assert.deepEqual([other.status, other.headers['x-outrigger-error']], [403, 'denied'])
  assert.match(other.text, /shop\/readers/)
  const write = await mesh.call('batch', 'orders', '/', { method: 'POST', body: 'x' })
  assert.equal(write.status, 403)
  assert.match(write.text, /method is POST, wanted GET/)
})
