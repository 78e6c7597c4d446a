import assert from 'node:assert/strict'
import test from 'ava'
import { startTestMesh } from '../../support/mesh.ts'

const FORGED = {
  'x-forwarded-client-cert': 'By=spiffe://mesh.test/ns/shop/sa/orders;URI=spiffe://mesh.test/ns/shop/sa/admin',
  'X-Outrigger-Port': '1',
  'x-outrigger-hops': '3',
  'x-mesh-attempt': '7',
  'l5d-client-id': 'admin',
  'L5D-dst-override': 'elsewhere:80',
}

test('a request passes both sidecars: the application sees the caller proven, its host, and nothing that the caller forged', async () => {
  await using mesh = await startTestMesh({ services: { orders: {} }, callers: ['web'] })
  const { status, text } = await mesh.call('web', 'orders', '/items?x=1', {
    headers: { ...FORGED, host: 'orders.shop', 'x-mine': 'kept' },
  })
  assert.equal(status, 200)
  const seen = JSON.parse(text)
  assert.equal(seen.method, 'GET')
  assert.equal(seen.url, '/items?x=1')
  assert.equal(seen.headers['host'], 'orders.shop')
  assert.equal(seen.headers['x-mine'], 'kept')
  assert.equal(
    seen.headers['x-forwarded-client-cert'],
    'By=spiffe://mesh.test/ns/shop/sa/orders;URI=spiffe://mesh.test/ns/shop/sa/web',
  )
  const foreign = Object.keys(seen.headers).filter((name) => /^(l5d-|x-mesh-|x-outrigger-port)/.test(name))
  assert.deepEqual(foreign, [])
  assert.equal(
    seen.headers['x-outrigger-hops'],
    '4',
    'the count of hops goes on from what the caller says: a loop needs it',
  )
})

test('nothing of a request or its response is readable between two sidecars', async () => {
  await using mesh = await startTestMesh({
    services: {
      orders: (request, response) => {
        request.resume()
        response.writeHead(200, { 'x-answer-marker': 'blue-whale-field' }).end('blue-whale-body'.repeat(10))
      },
    },
    callers: ['web'],
  })
  const relay = mesh.workload('orders').relay
  assert(relay !== undefined)
  relay.isCapturing = true
  const { text } = await mesh.call('web', 'orders', '/secret-path?secret-query=1', {
    method: 'POST',
    headers: { 'x-request-marker': 'secret-field' },
    body: 'secret-body '.repeat(100),
  })
  assert.match(text, /blue-whale-body/)
  const wire = relay.captured
  assert(wire.length > 1_500, `the relay saw only ${wire.length} bytes`)
  for (const marker of ['POST', 'secret', 'marker', 'whale', 'x-answer', 'traceparent', 'orders.shop', 'HTTP/1.1']) {
    assert.equal(wire.indexOf(marker), -1, `"${marker}" crosses the wire in the clear`)
  }
})
