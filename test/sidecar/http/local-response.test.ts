import assert from 'node:assert/strict'
import test from 'ava'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS } from '../../../sidecar/http/head.ts'
import { linkResponse, localResponse, relayedToCaller } from '../../../sidecar/http/local-response.ts'

test('a local response says its status, code and reason', () => {
  const { head, body } = localResponse(meshError('no-endpoints', 'none for "shop/orders"'), NO_FIELDS, [
    'retry-after',
    '1',
  ])
  assert.equal(body.toString(), 'no-endpoints: none for "shop/orders"\n')
  assert.deepEqual(head, {
    status: 503,
    fields: [
      ...['content-type', 'text/plain; charset=utf-8', 'content-length', String(body.length)],
      ...['x-outrigger-error', 'no-endpoints', 'retry-after', '1'],
    ],
    bodyLength: body.length,
  })
})

test('a caller that speaks gRPC is answered by trailers only, its message percent-encoded', () => {
  const { head, body } = localResponse(meshError('denied', '100% "ä"\n'), ['content-type', 'application/grpc+proto'])
  assert.equal(body.length, 0)
  assert.deepEqual(head, {
    status: 200,
    fields: [
      ...['content-type', 'application/grpc', 'grpc-status', '7'],
      ...['grpc-message', 'denied: 100%25 "%C3%A4"%0A', 'x-outrigger-error', 'denied'],
    ],
    bodyLength: 0,
  })
})

test('on a link a refusal in gRPC’s terms keeps its HTTP status, and the caller hears 200', () => {
  const { head } = linkResponse(meshError('connect-failure', 'x'), ['content-type', 'application/grpc'])
  assert.equal(head.status, 503)
  assert.deepEqual(relayedToCaller(head), { ...head, status: 200 })
})

test('nothing else is made a success: neither a refusal in words nor what an application says', () => {
  const words = linkResponse(meshError('denied', 'x'), NO_FIELDS).head
  assert.equal(relayedToCaller(words), words)
  const said = { status: 503, fields: ['grpc-status', '14'], bodyLength: 0 }
  assert.equal(relayedToCaller(said), said)
})
