import assert from 'node:assert/strict'
import test from 'ava'
import { type ClientSpanFacts, describeClientSpan, describeEnd } from '../../../sidecar/telemetry/span-description.ts'

const FACTS: ClientSpanFacts = {
  method: 'GET',
  scheme: 'http',
  authority: 'orders',
  path: '/items/4711',
  service: '',
  route: '',
  endpointAddress: '',
  attempt: 1,
  peerIdentity: '',
  isGrpc: false,
}

test('a span is named by its method, never by its path', () => {
  assert.equal(describeClientSpan(FACTS).name, 'GET')
  const odd = describeClientSpan({ ...FACTS, method: 'BREW' })
  assert.deepEqual([odd.name, odd.attributes['http.request.method']], ['HTTP', '_OTHER'])
})

test('a gRPC span is named by its full method; a path that is none is _OTHER', () => {
  const call = { ...FACTS, method: 'POST', isGrpc: true, path: '/shop.v1.Orders/List' }
  const { name, attributes } = describeClientSpan(call)
  assert.deepEqual(
    [name, attributes['rpc.system.name'], attributes['rpc.method']],
    ['shop.v1.Orders/List', 'grpc', 'shop.v1.Orders/List'],
  )
  assert.equal(describeClientSpan({ ...call, path: '/anything/at/all' }).name, '_OTHER')
})

for (const [kind, status, isError] of [
  ['client', 200, false],
  ['client', 302, false],
  ['client', 404, true],
  ['client', 503, true],
  ['server', 404, false],
  ['server', 500, true],
] as const) {
  test(`a ${kind} span with status ${status} is ${isError ? 'an error' : 'no error'}`, () => {
    const end = describeEnd(kind, false, { status })
    assert.equal(end.isError, isError)
    assert.equal(end.attributes['error.type'], isError ? String(status) : undefined)
  })
}

test('a refusal by the mesh names its code, flag and policy; it is no error of the server', () => {
  const refusal = { status: 403, error: 'denied', flag: 'DN', policy: 'AuthorizationPolicy shop/only-web' }
  assert.deepEqual(describeEnd('server', false, refusal), {
    attributes: {
      'http.response.status_code': 403,
      'mesh.response_flags': 'DN',
      'mesh.policy': 'AuthorizationPolicy shop/only-web',
    },
    isError: false,
  })
  assert.equal(describeEnd('client', false, refusal).attributes['error.type'], 'denied')
  assert.equal(describeEnd('server', false, { status: 0, error: 'cancelled' }).isError, true)
})

test('a gRPC status decides: all but OK count at the client, faults of the server at the server', () => {
  assert.equal(
    describeEnd('client', true, { status: 200, grpcStatus: 'NOT_FOUND' }).attributes['error.type'],
    'NOT_FOUND',
  )
  assert.equal(describeEnd('server', true, { status: 200, grpcStatus: 'NOT_FOUND' }).isError, false)
  assert.equal(describeEnd('server', true, { status: 200, grpcStatus: 'UNAVAILABLE' }).isError, true)
  assert.equal(describeEnd('client', true, { status: 200, grpcStatus: 'OK' }).isError, false)
})
