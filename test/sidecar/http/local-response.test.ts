import assert from 'node:assert/strict'
import test from 'ava'
import { meshError } from '../../../sidecar/core/mesh-errors.ts'
import { NO_FIELDS } from '../../../sidecar/http/head.ts'
import { localResponse } from '../../../sidecar/http/local-response.ts'

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
