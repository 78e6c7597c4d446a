import assert from 'node:assert/strict'
import { connect } from 'node:net'
import test from 'ava'
import { eventually } from '../../support/eventually.ts'
import { startTestMesh, type TestMesh } from '../../support/mesh.ts'
import { rawExchange } from '../../support/raw-exchange.ts'

const peerAuthentication = (mode: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: PeerAuthentication
metadata: {name: shop, namespace: shop}
spec: {mtls: {mode: ${mode}}}
`
const authorization = (action: string, source: string): string => `apiVersion: outrigger.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: by-source, namespace: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: orders}]
  action: ${action}
  rules: [{sources: [${source}]}]
`
const cidr = (range: string): string => `{type: CIDR, cidr: ${range}}`
const mesh = (): Promise<TestMesh> =>
  startTestMesh({
    services: { orders: (request, response) => void response.end(JSON.stringify(request.headers)) },
    callers: ['web'],
  })
/** A caller without a sidecar. */
const call = (from: TestMesh, fields = ''): Promise<string> => {
  const port = from.workload('orders').sidecar.ports.plain[0] ?? 0
  return rawExchange(
    port,
    Buffer.from(`GET / HTTP/1.1\r\nhost: orders\r\n${fields}connection: close\r\n\r\n`),
    () => false,
  )
}

test('a caller without a sidecar is refused under STRICT, the default, and served under PERMISSIVE, without an identity', async () => {
  await using shop = await mesh()
  assert.match(await call(shop), /^HTTP\/1\.1 403 .*requires mutual TLS \(STRICT\)/s)
  await shop.apply(peerAuthentication('PERMISSIVE'))
  const forged =
    'x-forwarded-client-cert: URI=spiffe://mesh.test/ns/shop/sa/web\r\nX-Forwarded_client-Cert: URI=spiffe://mesh.test/ns/shop/sa/web\r\nx-outrigger-port: 1\r\nx-mesh-attempt: 3\r\nx-real: 1\r\n'
  const answer = await call(shop, forged)
  assert.match(answer, /^HTTP\/1\.1 200 /)
  const fields = JSON.parse(answer.slice(answer.indexOf('{')))
  assert.equal(fields['x-real'], '1')
  const own = ['x-forwarded-client-cert', 'x-forwarded_client-cert', 'x-outrigger-port', 'x-mesh-attempt']
  assert.deepEqual(
    own.filter((name) => name in fields),
    [],
  )
  assert.equal((await shop.call('web', 'orders', '/')).status, 200, 'and mesh links go on')
  await shop.apply(peerAuthentication('STRICT'))
  assert.match(await call(shop), /^HTTP\/1\.1 403 /)
})

test('under PERMISSIVE a policy that wants an identity still refuses who has none', async () => {
  await using shop = await mesh()
  await shop.apply(
    `${peerAuthentication('PERMISSIVE')}---\n${authorization('ALLOW', '{type: ServiceAccount, serviceAccount: {name: web}}')}`,
  )
  assert.match(await call(shop), /^HTTP\/1\.1 403 .*without identity, at 127\.0\.0\.1/s)
  assert.equal((await shop.call('web', 'orders', '/')).status, 200)
})

test('a source of addresses denies and allows by the address of the caller', async () => {
  await using shop = await mesh()
  await shop.apply(`${peerAuthentication('PERMISSIVE')}---\n${authorization('DENY', cidr('127.0.0.0/8'))}`)
  assert.match(await call(shop), /^HTTP\/1\.1 403 .*by-source/s)
  assert.equal((await shop.call('web', 'orders', '/')).status, 403, 'over a mesh link too')
  await shop.apply(authorization('DENY', cidr('10.0.0.0/8')))
  assert.match(await call(shop), /^HTTP\/1\.1 200 /)
  await shop.apply(authorization('ALLOW', cidr('127.0.0.0/8')))
  assert.match(await call(shop), /^HTTP\/1\.1 200 /)
  assert.equal((await shop.call('web', 'orders', '/')).status, 200)
  await shop.apply(authorization('ALLOW', cidr('10.0.0.0/8')))
  assert.match(await call(shop), /^HTTP\/1\.1 403 /)
})

test('callers without identity can hold three quarters of an application’s connections together: who has one is served', async () => {
  await using shop = await startTestMesh({
    services: {
      orders: (request, response) => {
        if (request.url !== '/hang') response.end('ok')
      },
    },
    callers: ['web'],
  })
  await shop.apply(peerAuthentication('PERMISSIVE'))
  const { sidecar, app } = shop.workload('orders')
  const strangers = Array.from({ length: 1_030 }, () => {
    const socket = connect(sidecar.ports.plain[0] ?? 0, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write('GET /hang HTTP/1.1\r\nhost: orders\r\n\r\n')
    return socket
  })
  try {
    await eventually('strangers hold all that they may', () => (app?.connectionCount ?? 0) >= 768)
    assert.equal((await shop.call('web', 'orders', '/')).status, 200)
    assert.equal(app?.connectionCount, 769)
  } finally {
    for (const socket of strangers) socket.destroy()
  }
})
